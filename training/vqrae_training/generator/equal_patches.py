"""Give equal patches of drawings equal ids.

The encoder sees the whole picture, so a patch of plain background gets one of many ids, which all decode alike. Which one it gets
tells nothing about the words, and a small model spends itself on it. A majority of the training drawings decides instead.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch

from ..data.images import to_uint8
from ..models.decoder import pixel_patches
from ..models.vqrae import VQRAE
from .drawn import Drawing, draw

CANDIDATES = 16  # of a plain patch: its commonest ids


def majority_ids(drawings: list[Drawing], ids: np.ndarray, model: VQRAE) -> np.ndarray:
    """Return the drawings' ids [n, t] with one id for all patches of the same pixels.

    It is the commonest in training drawings, and for a plain patch that of the commonest which decodes to the nearest colour.
    Patches that no training drawing has keep their own.
    """
    numbers: dict[bytes, int] = {}  # each content's number, in place of its bytes
    contents = np.array([[numbers.setdefault(patch.tobytes(), len(numbers)) for patch in _patches(d, model)] for d in drawings])
    votes: list[Counter[int]] = [Counter() for _ in numbers]
    for drawing, row, own in zip(drawings, contents.tolist(), ids.tolist(), strict=True):
        if drawing.split == "train":
            for number, code in zip(row, own, strict=True):
                votes[number][code] += 1
    chosen = np.full(len(numbers), -1, ids.dtype)
    for content, number in numbers.items():
        if candidates := [code for code, _ in votes[number].most_common(CANDIDATES)]:
            colours = np.frombuffer(content, np.uint8).reshape(3, -1)
            plain = (colours == colours[:, :1]).all()
            chosen[number] = _nearest_in_colour(candidates, colours[:, 0], model) if plain else candidates[0]
    return np.where(chosen[contents] < 0, ids, chosen[contents])


def _patches(drawing: Drawing, model: VQRAE) -> np.ndarray:
    """Return the pixels of each token of the drawing, uint8 [t, 3 * p * p]."""
    size, grid = model.encoder.image_size, model.encoder.grid
    pixels = to_uint8(draw(drawing, size, grid))[None].float()
    return pixel_patches(pixels, size // grid)[0].byte().numpy()


@torch.inference_mode()
def _nearest_in_colour(codes: list[int], colour: np.ndarray, model: VQRAE) -> int:
    """Return the code whose picture, made of it alone, has the colour, 0 to 255, in the mean."""
    pictures = model.decode(torch.tensor(codes)[:, None].repeat(1, model.encoder.grid**2))
    distances = (255 * pictures.mean((2, 3)) - torch.from_numpy(colour.astype(np.float32))).square().sum(1)
    return codes[int(distances.argmin())]
