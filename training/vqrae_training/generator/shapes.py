"""Reads shape and colour off a picture's pixels: what says whether a drawing is what its caption asks for.

The background is the median of the border; the shape is the largest connected region unlike it. Its colour is the nearest of
the palette to its median pixel; shape and size are those of the drawing whose outline covers it best (intersection over union,
over all the drawings that there can be). Checked on real drawings and their reconstructions.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from .drawn import BACKGROUNDS, COLOURS, SHAPES, SIZES, Drawing, draw, placements

SMALLEST = 0.004  # of the picture: less is dirt
LEAST_OVERLAP = 0.65  # less is no shape: of 300 reconstructions of real drawings, the worst has 0.70


class Seen(NamedTuple):
    shape: str | None  # None: of no shape that can be drawn
    colour: str
    size: str | None
    background: str


def look(picture: Image.Image, grid: int) -> Seen | None:
    """What a picture of grid x grid tokens shows; None where nothing stands out from the background."""
    pixels = np.asarray(picture.convert("RGB")).astype(np.float32)
    border = [pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]]
    background = np.median(np.concatenate([edge.reshape(-1, 3) for edge in border]), 0)
    distance = np.sqrt(((pixels - background) ** 2).sum(-1))
    mask = distance > max(30.0, 0.5 * np.percentile(distance, 99.5))
    regions, count = ndimage.label(mask)
    if not count:
        return None
    sizes = ndimage.sum_labels(mask, regions, range(1, count + 1))
    region = regions == 1 + int(np.argmax(sizes))
    if region.mean() < SMALLEST:
        return None
    region = ndimage.binary_fill_holes(region)
    core = ndimage.binary_erosion(region, iterations=2)
    colour = np.median(pixels[core if core.any() else region], 0)
    shape, extent = _outline(region, grid)
    return Seen(shape, _nearest(COLOURS, colour), extent, _nearest(BACKGROUNDS, background))


def _outline(region: np.ndarray, grid: int) -> tuple[str, str] | tuple[None, None]:
    """Shape and size of the drawing whose outline covers a region best."""
    drawings, outlines = _outlines(len(region), grid)
    shared = outlines @ region.ravel().astype(np.float32)
    overlaps = shared / (outlines.sum(1) + region.sum() - shared)
    best = int(np.argmax(overlaps))
    return (drawings[best].shape, drawings[best].size) if overlaps[best] >= LEAST_OVERLAP else (None, None)


@lru_cache(maxsize=1)
def _outlines(size: int, grid: int) -> tuple[list[Drawing], np.ndarray]:
    """Every drawing that there can be, colours aside, and the pixels that it covers, float32 [n, size * size]."""
    drawings = [d for shape, s in product(SHAPES, SIZES) for d in placements((shape, "black", s, "white"), grid)]
    covered = np.stack([np.asarray(draw(d, size, grid).convert("L")).ravel() < 128 for d in drawings])
    return drawings, covered.astype(np.float32)


def _nearest(palette: dict[str, tuple[int, int, int]], colour: np.ndarray) -> str:
    return min(palette, key=lambda name: ((np.array(palette[name]) - colour) ** 2).sum())
