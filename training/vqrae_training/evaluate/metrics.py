"""Measures that training prints; the model card's come from the SDK's own."""

from __future__ import annotations

import torch
from torch import Tensor


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """PSNR in dB of each image: uint8 [n, 3, H, W] twice -> [n]."""
    mse = (a.float() - b.float()).square().mean((1, 2, 3))
    return 10 * torch.log10(255**2 / mse.clamp_min(1e-6))


def blocking(pixels: Tensor, patch: int) -> float:
    """Mean step across the seams of `patch` x `patch` squares over the mean step inside them; about 1 for photographs.

    pixels uint8 [n, 3, H, W].
    """
    ratios = []
    for dim in (-1, -2):
        steps = pixels.float().diff(dim=dim).abs().transpose(dim, -1)
        seams = torch.arange(steps.shape[-1], device=steps.device) % patch == patch - 1
        ratios.append(steps[..., seams].mean() / steps[..., ~seams].mean())
    return torch.stack(ratios).mean().item()
