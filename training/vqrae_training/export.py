"""Write a run as a checkpoint folder that the SDK loads.

    python -m vqrae_training export runs/stage2 --out my-tokenizer --dtype f16
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from .engine.runs import load_run
from .models.checkpoint import read_head, save_checkpoint

DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of a run, or its last.pt")
    parser.add_argument("--out", required=True, help="folder of the checkpoint")
    parser.add_argument("--dtype", choices=DTYPES, default="f16")
    parser.add_argument("--encoder", help="the encoder's folder, where it has moved since the run")
    parser.add_argument("--classifier", help="folder of a ViT with a classification head on these features, to go along")
    parser.add_argument("--no-ema", action="store_true", help="the weights as trained, not their average")
    args = parser.parse_args(argv)
    model = load_run(args.run, args.encoder, not args.no_ema)
    head = read_head(args.classifier) if args.classifier else None
    save_checkpoint(model, args.out, DTYPES[args.dtype], head=head)
    size = (Path(args.out) / "model.safetensors").stat().st_size
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{args.out}: {parameters:,} parameters, {size / 2**20:.1f} MiB in {args.dtype}; VQRAE.load takes it")
