"""Choose the pictures that the encoder's own classifier is sure of: what the VLM learns to name.

    python -m vqrae_training vlm named --encoder models/deit-tiny --pictures caltech.tar tiny.tar --out named.tar

The tar has at most --most pictures of each class, those that the classifier is surest of, with their bytes unchanged.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import torch

from ...data.images import normalise, to_uint8
from ...data.sources import Item, read_source, write_tar
from ...errors import UserError
from ...models.encoder import load_encoder
from ..features import picture_tiles
from ..names import Names

BATCH = 32


@torch.no_grad()
def sure_pictures(folder: Path, items: list[Item], sure: float, most: int) -> dict[int, list[Item]]:
    """Return the pictures of each class, the surest first. Raises UserError for an encoder without a classifier."""
    encoder = load_encoder(folder).eval()
    names = Names.read(folder, encoder)
    if names is None:
        raise UserError(f"Expected an encoder with a classifier and labels for --encoder but received {folder}")
    found: dict[int, list[tuple[float, Item]]] = defaultdict(list)
    for first in range(0, len(items), BATCH):
        part = items[first : first + BATCH]
        tiles = [picture_tiles(item.open(), encoder.image_size, 1, encoder.resample)[0] for item in part]
        pixels = normalise(torch.stack([to_uint8(tile) for tile in tiles]), encoder.mean, encoder.std)
        tokens = encoder(pixels, (encoder.num_layers,))[0][:, 0]
        for item, row in zip(part, names.shares(tokens), strict=True):
            best = int(row.argmax())
            if row[best] >= sure:
                found[best].append((float(row[best]), item))
    ranked = {label: sorted(some, key=lambda one: (-one[0], one[1].name)) for label, some in sorted(found.items())}
    return {label: [item for _, item in some[:most]] for label, some in ranked.items()}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", required=True, help="the checkpoint folder of a ViT with its classifier")
    parser.add_argument("--pictures", required=True, nargs="+", help="folders or tars of pictures of one thing")
    parser.add_argument("--out", required=True, help="the tar to write")
    parser.add_argument("--sure", type=float, default=0.4, help="the least probability of a name (default: 0.4)")
    parser.add_argument("--most", type=int, default=70, help="pictures of one class (default: 70)")
    args = parser.parse_args(argv)
    items = [item for path in args.pictures for item in read_source(path)]
    chosen = sure_pictures(Path(args.encoder), items, args.sure, args.most)
    write_tar(((item.name, item.data) for some in chosen.values() for item in some), Path(args.out))
    print(f"{sum(map(len, chosen.values()))} of {len(items)} pictures, of {len(chosen)} classes, in {args.out}")
