"""Take the images of held-out sets out of a training set: equal bytes, and near duplicates.

    python -m vqrae_training hold-out --train tiny-imagenet.tar --held val.tar photos/ --out train.tar

A near duplicate is a pair of pictures whose thumbnails (12 x 12 RGB, centred, of unit length) have a cosine of at least
`--threshold`. A held image is compared as it is, cut to its centre square, and both mirrored: training sets crop and squash.
The tar holds the other images with their bytes unchanged. The list beside it (`.json`) names every image that was left out,
the held one that it equals, and their cosine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from .sources import Item, read_source, write_tar

SIDE = 12
ROWS = 2048  # training images that are compared at once


def thumbnail(image: Image.Image) -> np.ndarray:
    """Return the picture at 12 x 12 as a vector of unit length around 0, float32 [432]. A picture of one colour gives zeros."""
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32).ravel()
    centred = small - small.mean()
    return centred / max(float(np.linalg.norm(centred)), 1e-6)


def looks(image: Image.Image) -> list[np.ndarray]:
    """Return the thumbnails under which a picture may hide in another set: squashed, its centre square, and both mirrored."""
    square = ImageOps.fit(image, (min(image.size),) * 2)
    return [thumbnail(v) for v in (image, square, ImageOps.mirror(image), ImageOps.mirror(square))]


def _mapped(function, items: list[Item]) -> list:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))


def near_duplicates(train: list[Item], held: list[Item], threshold: float) -> list[tuple[Item, Item, float]]:
    """Return (training image, held image, cosine) for every training image that a held-out set has too. Equal bytes have 1."""
    digest = lambda item: hashlib.sha256(item.data).digest()
    held_digests = dict(zip(_mapped(digest, held), held, strict=True))
    views = torch.from_numpy(np.concatenate([np.stack(v) for v in _mapped(lambda i: looks(i.open()), held)]))
    per_image = len(views) // len(held)
    found = []
    for first in range(0, len(train), ROWS):
        some = train[first : first + ROWS]
        rows = torch.from_numpy(np.stack(_mapped(lambda i: thumbnail(i.open()), some)))
        best, where = _best(rows, views)
        for item, cosine, row in zip(some, best.tolist(), where.tolist(), strict=True):
            same = held_digests.get(digest(item))
            if same is not None:
                found.append((item, same, 1.0))
            elif cosine >= threshold:
                found.append((item, held[row // per_image], cosine))
    return found


def _best(rows: Tensor, views: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row's highest cosine, and the view that has it."""
    parts = [rows @ part.T for part in views.split(8192)]
    maxima = [part.max(1) for part in parts]
    values = torch.stack([m.values for m in maxima])
    best = values.argmax(0)
    indices = torch.stack([m.indices + 8192 * k for k, m in enumerate(maxima)])
    every = torch.arange(len(rows))
    return values[best, every], indices[best, every]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", required=True, help="folders, tars or globs of tars")
    parser.add_argument("--held", nargs="+", required=True, help="the sets whose images no training set may have")
    parser.add_argument("--out", required=True, help="the tar of the other images; a list of those left out lies beside it")
    parser.add_argument("--threshold", type=float, default=0.97)
    args = parser.parse_args(argv)
    train = [item for path in args.train for item in read_source(path)]
    held = [item for path in args.held for item in read_source(path)]
    found = near_duplicates(train, held, args.threshold)
    left_out = {id(item) for item, _, _ in found}
    out = Path(args.out)
    write_tar(((item.name, item.data) for item in train if id(item) not in left_out), out)
    rows = [{"image": a.name, "held": b.name, "cosine": round(cosine, 4)} for a, b, cosine in found]
    out.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
    exact = sum(cosine == 1.0 for *_, cosine in found)
    counts = f"{exact} equal, {len(found) - exact} near, {len(train) - len(found)} kept"
    print(f"{len(train)} images against {len(held)} held ones: {counts}")
