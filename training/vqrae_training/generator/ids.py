"""Encode photos and drawings once.

    python -m vqrae_training generator ids --tokenizer models/vqrae-tiny --train caltech101-128/train \\
        --val caltech101-128/val --out runs/ids
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ..config import load_sections
from ..models.checkpoint import load_checkpoint
from .config import GeneratorConfig
from .corpus import build_corpus


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="generator/tiny", help="a file under presets/, or a .toml file, whose [corpus] it is")
    parser.add_argument("--tokenizer", required=True, help="the vision tokenizer's checkpoint folder")
    parser.add_argument("--train", required=True, help="folder or tar of photos by class")
    parser.add_argument("--val", required=True)
    parser.add_argument("--out", required=True, help="the folder for the ids; one that a stopped run left is continued")
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="corpus.key=value")
    args = parser.parse_args(argv)
    config = load_sections(GeneratorConfig, args.preset, args.set)
    torch.set_num_threads(config.train.threads)
    build_corpus(load_checkpoint(args.tokenizer), args.train, args.val, config.corpus, Path(args.out))
