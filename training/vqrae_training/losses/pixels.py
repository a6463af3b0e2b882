"""Pixel losses. Images are [n, 3, H, W] in [0, 1]."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pixel_error(a: Tensor, b: Tensor) -> Tensor:
    """Return the MSE, the paper's L2 term."""
    return F.mse_loss(a, b)


def gradient_error(a: Tensor, b: Tensor) -> Tensor:
    """Return the MSE of the differences between neighbouring pixels. It counts the seams between tokens' squares."""
    d = a - b
    return d.diff(dim=-1).square().mean() + d.diff(dim=-2).square().mean()


def seam_error(a: Tensor, b: Tensor, patch: int) -> Tensor:
    """Return the same of the differences across the seams of squares of `patch` pixels alone."""
    d, seams = a - b, slice(patch - 1, None, patch)
    return d.diff(dim=-1)[..., seams].square().mean() + d.diff(dim=-2)[..., seams, :].square().mean()
