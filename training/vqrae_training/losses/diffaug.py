"""Differentiable augmentation of what a discriminator sees (Zhao et al. 2020, mit-han-lab/data-efficient-gans)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def diffaug(
    pixels: Tensor, generator: torch.Generator, probability: float = 1.0, translation: float = 0.125, cutout: float = 0.0
) -> Tensor:
    """Shift, recolour and cut pixels [n, 3, H, W] in [0, 1]. The result is about [0, 1], and gradients pass.

    Each of the three happens to the whole batch with `probability`. What it does differs by image. translation and cutout are
    shares of H and W (0: none). RAE uses probability 1 and cutout 0. generator: one of the CPU, so that equal seeds give equal
    pictures on any device.
    """
    happens = torch.rand(3, generator=generator) < probability
    # The uniform numbers of all images are always drawn: one option does not shift the draws of another.
    u = torch.rand(7, len(pixels), generator=generator).to(pixels.device)
    x = pixels * 2 - 1  # grey is 0, which is what translation and cutout fill with
    if happens[0] and translation:
        x = _translate(x, u[0], u[1], translation)
    if happens[1]:
        x = _recolour(x, *u[2:5, :, None, None, None])
    if happens[2] and cutout:
        x = _cut(x, u[5], u[6], cutout)
    return (x + 1) / 2


def _recolour(x: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    x = x + (brightness - 0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (saturation * 2)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * (contrast + 0.5)


def _translate(x: Tensor, u: Tensor, v: Tensor, ratio: float) -> Tensor:
    """Move each image by up to `ratio` of its sides. Grey comes in."""
    rows, columns = (
        _shifted(side, ((2 * reach + 1) * w).long() - reach)  # w < 1: a whole number in [-reach, reach]
        for side, w in zip(x.shape[-2:], (u, v), strict=True)
        for reach in [round(side * ratio)]
    )
    images = torch.arange(len(x), device=x.device)[:, None, None]
    padded = F.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1)
    return padded[images, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _shifted(side: int, shift: Tensor) -> Tensor:
    """Return indices [n, side] into an axis padded by one on both ends. Those outside point to the padding."""
    return (torch.arange(1, side + 1, device=shift.device) + shift[:, None]).clamp(0, side + 1)


def _cut(x: Tensor, u: Tensor, v: Tensor, ratio: float) -> Tensor:
    """Make a rectangle of `ratio` of the sides around a random point grey."""
    inside = []
    for side, w in zip(x.shape[-2:], (u, v), strict=True):
        length = round(side * ratio)
        first = ((side + 1 - length % 2) * w).long() - length // 2
        at = torch.arange(side, device=x.device) - first[:, None]
        inside.append((at >= 0) & (at < length))
    return x * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])
