"""Encode photos and drawings once, and take in captioned photos that `vqrae tokenize` encoded.

    python -m vqrae_training generator ids --tokenizer models/vqrae-tiny --train caltech101-128/train \\
        --val caltech101-128/val --out runs/ids [--captioned tokens captions.tsv] [--captioned-val tokens-val captions-val.tsv]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ..config import load_sections
from ..models.checkpoint import load_checkpoint
from .config import GeneratorConfig
from .corpus import build_corpus
from .shards import read_captioned_shards


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="generator/tiny", help="a file under presets/, or a .toml file, whose [corpus] it is")
    parser.add_argument("--tokenizer", required=True, help="the vision tokenizer's checkpoint folder")
    parser.add_argument("--train", required=True, help="folder or tar of photos by class")
    parser.add_argument("--val", required=True)
    parser.add_argument("--out", required=True, help="the folder for the ids; one that a stopped run left is continued")
    pair = {"nargs": 2, "action": "append", "default": [], "metavar": ("TOKENS", "TABLE")}
    parser.add_argument("--captioned", help="the folder that `vqrae tokenize --tar` wrote, and its images' captions", **pair)
    parser.add_argument("--captioned-val", help="the same, never trained on", **pair)
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="corpus.key=value")
    args = parser.parse_args(argv)
    config = load_sections(GeneratorConfig, args.preset, args.set)
    torch.set_num_threads(config.train.threads)
    model = load_checkpoint(args.tokenizer)
    facts = (model.encoder.grid**2, model.quantizer.size)
    captioned = [read_captioned_shards(tokens, table, "train", *facts) for tokens, table in args.captioned]
    captioned += [read_captioned_shards(tokens, table, "val", *facts) for tokens, table in args.captioned_val]
    build_corpus(model, args.train, args.val, config.corpus, Path(args.out), captioned)
