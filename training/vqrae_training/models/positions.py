"""Learned positions at another resolution."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import UserError


def stretch_positions(positions: Tensor, grid: int) -> Tensor:
    """Positions [1, 1 + t, d] of a square grid -> [1, 1 + grid * grid, d], the class token's as it is.

    Bicubic with antialiasing, in float32: timm's `resample_abs_pos_embed` (timm/layers/pos_embed.py). Raises UserError where t is
    no square.
    """
    first, rest = positions[:, :1], positions[:, 1:]
    side = math.isqrt(rest.shape[1])
    if side * side != rest.shape[1]:
        raise UserError(f"Expected positions of a class token and a square grid but received {positions.shape[1]}")
    if side == grid:
        return positions
    square = rest.float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
    stretched = F.interpolate(square, (grid, grid), mode="bicubic", antialias=True).permute(0, 2, 3, 1).flatten(1, 2)
    return torch.cat([first, stretched.to(positions.dtype)], 1)
