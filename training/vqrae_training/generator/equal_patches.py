"""Give equal patches of drawings equal ids.

The encoder sees the whole picture, so a patch of plain background gets one of many ids, which all decode alike. Which one it gets
tells nothing about the words, and a small model spends itself on it. A majority of the training drawings decides instead.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import torch

from ..models.vqrae import VQRAE
from .drawn import Drawing, draw

CANDIDATES = 16  # of a plain patch: its commonest ids


def majority_ids(drawings: list[Drawing], ids: np.ndarray, model: VQRAE) -> np.ndarray:
    """Return the drawings' ids [n, t] with one id for all patches of the same pixels.

    It is the commonest in training drawings, and for a plain patch that of the commonest which decodes to the nearest colour.
    Patches that no training drawing has keep their own.
    """
    size, grid = model.encoder.image_size, model.encoder.grid
    contents: list[list[int]] = []
    votes: dict[int, Counter[int]] = defaultdict(Counter)
    colours: dict[int, np.ndarray] = {}
    for drawing, row in zip(drawings, ids.tolist(), strict=True):
        patches = _patches(np.asarray(draw(drawing, size, grid)), grid)
        keys = [hash(patch.tobytes()) for patch in patches]
        contents.append(keys)
        if drawing.split == "train":
            for key, patch, own in zip(keys, patches, row, strict=True):
                if key not in votes and (patch == patch[0, 0]).all():
                    colours[key] = patch[0, 0]
                votes[key][own] += 1
    chosen = {key: counted.most_common(1)[0][0] for key, counted in votes.items()}
    for key, colour in colours.items():
        chosen[key] = _nearest_in_colour([code for code, _ in votes[key].most_common(CANDIDATES)], colour, model)
    rows = [[chosen.get(key, own) for key, own in zip(*row, strict=True)] for row in zip(contents, ids.tolist(), strict=True)]
    return np.array(rows, ids.dtype)


def _patches(pixels: np.ndarray, grid: int) -> np.ndarray:
    """Cut [size, size, 3] into [grid * grid, p, p, 3], in raster order."""
    p = len(pixels) // grid
    return pixels.reshape(grid, p, grid, p, 3).transpose(0, 2, 1, 3, 4).reshape(grid * grid, p, p, 3)


@torch.inference_mode()
def _nearest_in_colour(codes: list[int], colour: np.ndarray, model: VQRAE) -> int:
    """Return the code whose picture, made of it alone, has the colour, 0 to 255, in the mean."""
    pictures = model.decode(torch.tensor(codes)[:, None].repeat(1, model.encoder.grid**2))
    distances = (255 * pictures.mean((2, 3)) - torch.from_numpy(colour.astype(np.float32))).square().sum(1)
    return codes[int(distances.argmin())]
