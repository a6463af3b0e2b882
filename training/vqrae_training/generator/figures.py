"""The figures of a generator's samples: their classes, their shapes and colours, their likeness to the photos it learnt from."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .corpus import Corpus, Photo
from .drawn import Drawing
from .probe import ClassProbe
from .shapes import look
from .shards import Captioned

PARTS = ("shape", "colour", "size", "background")
REMEMBERED = 0.25  # of a picture's ids, at the same places of one training photo; real photos never trained on stay far below


def class_accuracy(probe: ClassProbe, features: np.ndarray, wanted: list[str]) -> dict:
    """Return {"top1": share of pictures that the probe gives the wanted class, "by_class": {label: share}}."""
    right = np.array([a == b for a, b in zip(probe.classify(features), wanted, strict=True)])
    shares = {label: right[[w == label for w in wanted]].mean().item() for label in sorted(set(wanted))}
    return {"images": len(wanted), "top1": right.mean().item(), "by_class": shares}


def drawing_accuracy(pictures: list[Image.Image], wanted: list[Drawing], grid: int) -> dict:
    """Return the share of pictures of grid x grid tokens that have each part as `wanted`, that have shape and colour, and all
    four."""
    hits = []
    for picture, drawing in zip(pictures, wanted, strict=True):
        seen = look(picture, grid)
        hits.append([seen is not None and getattr(seen, part) == getattr(drawing, part) for part in PARTS])
    table = np.array(hits)
    shares = dict(zip(PARTS, table.mean(0).tolist(), strict=True))
    both, every = table[:, :2].all(1).mean().item(), table.all(1).mean().item()
    return {"images": len(wanted)} | shares | {"shape_and_colour": both, "all": every}


def likeness(ids: np.ndarray, corpus: Corpus) -> np.ndarray:
    """Return for each picture's ids [n, t] the share that its most similar train photo has at the same places, [n]. Each view of
    a photo counts."""
    known = corpus.ids[corpus.rows(Photo, "train") + corpus.rows(Captioned, "train")]
    return np.array([(known == row).mean(1).max() for row in ids.astype(known.dtype)])


def likeness_figures(ids: np.ndarray, corpus: Corpus) -> dict:
    """Return the share of pictures that are training photos again, and the median, 95th percentile and most of their likeness."""
    own = likeness(ids, corpus)
    share, spread = (own >= REMEMBERED).mean().item(), np.percentile(own, [50, 95, 100]).tolist()
    return {"images": len(own), "remembered": share, "likeness": spread}
