"""Reads shape and colour off a picture's pixels: what says whether a drawing is what its caption asks for.

The background is the median of the border; the shape is the largest connected region unlike it. Its colour is the nearest of
the palette to its median pixel; its shape follows from three numbers that no size changes: how much of its bounding box it
fills, how much of its convex hull, and how long the box is. Checked on real drawings and their reconstructions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from .drawn import BACKGROUNDS, COLOURS

SMALLEST = 0.004  # of the picture: less is dirt


class Seen(NamedTuple):
    shape: str
    colour: str
    size: str
    background: str


def look(picture: Image.Image) -> Seen | None:
    """None where nothing stands out from the background."""
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
    rows, columns = np.where(region.any(1))[0], np.where(region.any(0))[0]
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    size = "large" if max(height, width) > len(pixels) / 2 else "small"
    return Seen(_shape(region, height, width), _nearest(COLOURS, colour), size, _nearest(BACKGROUNDS, background))


def _shape(region: np.ndarray, height: int, width: int) -> str:
    points = np.argwhere(region)
    corners = np.concatenate([points, points + [0, 1], points + [1, 0], points + [1, 1]])
    try:
        hull = ConvexHull(corners).volume  # in two dimensions, the area
    except QhullError:
        return "rectangle"
    solidity, filled = len(points) / hull, len(points) / (height * width)
    if max(height, width) / min(height, width) > 1.4:
        return "rectangle"
    if solidity < 0.8:
        return "star"
    if filled < 0.66:
        return "triangle"
    return "circle" if filled < 0.88 else "square"


def _nearest(palette: dict[str, tuple[int, int, int]], colour: np.ndarray) -> str:
    return min(palette, key=lambda name: ((np.array(palette[name]) - colour) ** 2).sum())
