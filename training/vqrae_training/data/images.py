"""Crops, jitter and normalisation: those of a checkpoint's `image` section, and those that training adds."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor

from ..models.image_spec import NUMBERS, ImageSpec

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def encoder_view(image: Image.Image, spec: ImageSpec) -> Image.Image:
    """Cut the square picture that an encoder sees, as sdk/image/preprocess.ts does."""
    w, h, edge = *image.size, spec.resize_to
    if spec.geometry == "stretch":
        w, h = edge, edge
    else:  # the long edge is truncated
        w, h = (edge, h * edge // w) if w <= h else (w * edge // h, edge)
    if (w, h) != image.size:
        image = image.resize((w, h), Image.Resampling(NUMBERS[spec.resample]))
    left, top = (w - spec.size) // 2, (h - spec.size) // 2
    return image.crop((left, top, left + spec.size, top + spec.size))


def centre_crop(image: Image.Image, size: int) -> Image.Image:
    """Resize the shortest edge to `size` (bicubic), then cut the centre square."""
    return encoder_view(image, ImageSpec(size, size, "bicubic", "crop"))


def random_view(
    image: Image.Image, size: int, rng: random.Random, scale: tuple[float, float], jitter: float = 0.0, flip: bool = True
) -> Image.Image:
    """Cut a random square of `scale` (share of the area), resize it, flip it half the time, jitter its brightness, contrast and
    saturation."""
    w, h = image.size
    side = min(w, h) * rng.uniform(*scale) ** 0.5
    aspect = 2.0 ** rng.uniform(-0.2, 0.2)
    cw, ch = min(w, side * aspect), min(h, side / aspect)
    x, y = rng.uniform(0, w - cw), rng.uniform(0, h - ch)
    image = image.resize((size, size), Image.Resampling.BICUBIC, box=(x, y, x + cw, y + ch))
    if flip and rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if jitter and rng.random() < 0.5:
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = enhance(image).enhance(1 + rng.uniform(-jitter, jitter))
    return image


def to_uint8(image: Image.Image) -> Tensor:
    """Return the image as uint8 [3, H, W]."""
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


def normalise(pixels: Tensor, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> Tensor:
    """Return (pixels / 255 - mean) / std in float32, from uint8 [n, 3, H, W]."""
    m, s = (torch.tensor(v, device=pixels.device).view(1, 3, 1, 1) for v in (mean, std))
    return (pixels.float() / 255 - m) / s
