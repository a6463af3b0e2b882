"""Measures that training prints; the model card's come from the SDK's own."""

from __future__ import annotations

import torch
from torch import Tensor


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """PSNR in dB of each image: uint8 [n, 3, H, W] twice -> [n]."""
    mse = (a.float() - b.float()).square().mean((1, 2, 3))
    return 10 * torch.log10(255**2 / mse.clamp_min(1e-6))
