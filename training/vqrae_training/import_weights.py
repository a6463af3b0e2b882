"""Bring foreign weights under our names.

    python -m vqrae_training import --from simvq vq.ckpt --out codebook.safetensors
    python -m vqrae_training import --from rae model.pt --out decoder.safetensors --drop trainable_cls_token
    python -m vqrae_training import --from my-map.json weights.safetensors --config config.json --out my-tokenizer

    python -m vqrae_training import --from timm-vit deit_tiny.safetensors --config config.json --out deit-tiny

Your own map is a JSON file with the fields of `RenameMap` (models/rename_maps.py). With --config (docs/checkpoints.md, or
an encoder's own) you get a checkpoint folder, or an error that names the missing tensors. Without it you get a safetensors
file, which `train --init` starts from. If the config's image_size is not that of the weights, a ViT's learned positions are
stretched to it.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from safetensors.torch import save_file

from .errors import UserError
from .models.checkpoint import load_checkpoint
from .models.encoder import grid_of, load_encoder
from .models.positions import stretch_positions
from .models.rename_maps import MAPS, RenameMap, rename
from .models.tensors import read_weights

POSITIONS = "vit.embeddings.position_embeddings"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help=".safetensors, .pt or .ckpt")
    parser.add_argument("--from", dest="source", required=True, help=f"{', '.join(MAPS)}, or a map of your own (.json)")
    parser.add_argument("--out", required=True, help="a .safetensors file; with --config a folder")
    parser.add_argument("--config", help="config.json of the checkpoint that the weights make up")
    parser.add_argument("--processor", help="the encoder's preprocessor_config.json, copied beside the weights")
    parser.add_argument("--half", action="store_true", help="store matrices and positions as float16; vectors stay as they are")
    parser.add_argument("--drop", nargs="+", default=[], metavar="NAME", help="tensors to leave out")
    args = parser.parse_args(argv)
    if args.source not in MAPS and not Path(args.source).is_file():
        raise UserError(f"Expected one of {', '.join(MAPS)} or a .json file for --from but received {args.source!r}")
    names = MAPS.get(args.source) or RenameMap.read(Path(args.source))
    tensors = rename(read_weights(Path(args.weights)), names, tuple(args.drop))
    if args.half:
        tensors = {name: t.half() if t.ndim > 1 and t.is_floating_point() else t for name, t in tensors.items()}
    out = Path(args.out)
    if args.config:
        out.mkdir(parents=True, exist_ok=True)
        config = json.loads(Path(args.config).read_text())
        if (positions := tensors.get(POSITIONS)) is not None and config.get("model_type") == "vit":
            tensors[POSITIONS] = stretch_positions(positions, grid_of(config))
        save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
        shutil.copyfile(args.config, out / "config.json")
        if args.processor:
            shutil.copyfile(args.processor, out / "preprocessor_config.json")
        # Each raises for what is missing or does not fit.
        if config.get("model_type") == "vqrae":
            load_checkpoint(out)
        else:
            encoder = load_encoder(out)
            print(f"pixels are normalised with mean {encoder.mean} and std {encoder.std}")
    else:
        save_file(tensors, out, metadata={"format": "pt"})
    for name in sorted(tensors):
        print(f"{name} {list(tensors[name].shape)}")
    print(f"{len(tensors)} tensors in {out}")
