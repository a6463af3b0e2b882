"""Read shape and colour off a picture's pixels, to judge whether a drawing is what its caption asks for.

The background is the median of the border. The shape is the largest connected region unlike it. The colour is the palette's
nearest to the region's median pixel. Shape and size are those of the drawing whose outline covers the region best (intersection
over union, over all places and widths). Real drawings and their reconstructions check this.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from .drawn import BACKGROUNDS, COLOURS, OVERSAMPLING, SHAPES, SIZES, paint, tokens, turns

SMALLEST = 0.004  # of the picture: less is dirt
LEAST_OVERLAP = 0.65  # below this it is no shape; reconstructions of real drawings have more (`generator evaluate --judges`)


class Seen(NamedTuple):
    shape: str | None  # None: of no shape that can be drawn
    colour: str
    size: str | None
    background: str


def look(picture: Image.Image, grid: int) -> Seen | None:
    """Return what a picture of grid x grid tokens shows, or None where nothing stands out from the background."""
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
    outline = _outline(region, grid)
    size = next((s for s in SIZES if outline and outline.width == tokens(s, grid)), None)
    return Seen(outline and outline.shape, _nearest(COLOURS, colour), size, _nearest(BACKGROUNDS, background))


class Outline(NamedTuple):
    shape: str
    width: int  # in tokens


def _outline(region: np.ndarray, grid: int) -> Outline | None:
    """Return the outline that covers a region best, by intersection over union."""
    outlines, covered, areas = _outlines(len(region), grid)
    seen = region.ravel().astype(np.float32)
    shared = covered @ seen
    overlaps = shared / (areas + seen.sum() - shared)
    best = int(np.argmax(overlaps))
    return outlines[best] if overlaps[best] >= LEAST_OVERLAP else None


@lru_cache(maxsize=1)
def _outlines(size: int, grid: int) -> tuple[list[Outline], np.ndarray, np.ndarray]:
    """List every shape of every width from small to large, on all corners between tokens where the picture holds it. Also returns
    the pixels that each covers, float32 [n, size * size], and their number, [n]."""
    patch, middle = size // grid, grid // 2
    outlines, covered = [], []
    for shape, width in product(SHAPES, range(tokens("small", grid), tokens("large", grid) + 1)):
        for upright in turns(shape):
            image = Image.new("L", (OVERSAMPLING * size,) * 2)
            centre = OVERSAMPLING * patch * middle
            paint(image, shape, upright, centre, centre, OVERSAMPLING * patch * width / 2, 255)
            inside = np.asarray(image.resize((size, size), Image.Resampling.BOX)) > 127
            top, bottom, left, right = (edge for lines in (inside.any(1), inside.any(0)) for edge in np.where(lines)[0][[0, -1]])
            moves = range(-middle * patch, (grid - middle) * patch, patch)
            for down, aside in product(moves, moves):
                if 0 <= top + down <= bottom + down < size and 0 <= left + aside <= right + aside < size:
                    outlines.append(Outline(shape, width))
                    covered.append(np.roll(inside, (down, aside), (0, 1)).ravel())
    pixels = np.stack(covered).astype(np.float32)
    return outlines, pixels, pixels.sum(1)


def _nearest(palette: dict[str, tuple[int, int, int]], colour: np.ndarray) -> str:
    return min(palette, key=lambda name: ((np.array(palette[name]) - colour) ** 2).sum())
