"""Validation pictures for a page: the last grid of a run, and how the same images changed over steps or differ over runs."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import UserError
from .runs import Run

MAX_WIDTH = 1280  # of an embedded picture; larger ones are reduced by a whole factor
MAX_ROWS = 6  # of reconstructions in one strip


def read_picture(path: Path) -> Image.Image:
    """Read a picture as RGB. Raises UserError where the file is none."""
    try:
        return Image.open(path).convert("RGB")
    except OSError as error:
        raise UserError(f"Expected a picture for {path} but received: {error}") from None


def last_pictures(runs: list[Run]) -> list[tuple[str, Image.Image]]:
    """Return ("name, step n", last grid) of the runs that have one."""
    lasts = [(run.name, *run.pictures[-1]) for run in runs if run.pictures]
    return [(f"{name}, step {step:,}", read_picture(path)) for name, step, path in lasts]


def data_url(image: Image.Image) -> str:
    factor = -(-image.width // MAX_WIDTH)
    stream = io.BytesIO()
    (image.reduce(factor) if factor > 1 else image).save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def strip(grids: list[tuple[str, Image.Image]]) -> list[tuple[str, Image.Image]]:
    """Return the first row of images of grids that show the same originals: [("original", ...), (label, reconstruction), ...].

    Grids are rows of originals above rows of reconstructions (`engine.monitor.pairs_grid`). All grids share the originals, so the
    top that does not differ is one row high. Returns [] where the grids do not fit together.
    """
    if len({image.size for _, image in grids}) != 1 or len(grids) < 2:
        return []
    if len(grids) > MAX_ROWS:
        grids = [grids[round(i * (len(grids) - 1) / (MAX_ROWS - 1))] for i in range(MAX_ROWS)]
    arrays = np.stack([np.asarray(image) for _, image in grids])  # [grids, H, W, 3]
    differs = (arrays != arrays[:1]).any((0, 2, 3))  # [H]
    h, (width, height) = int(differs.argmax()), grids[0][1].size
    if h == 0 or height % (2 * h):
        return []
    rows = [(label, image.crop((0, h, width, 2 * h))) for label, image in grids]
    return [("original", grids[0][1].crop((0, 0, width, h))), *rows]
