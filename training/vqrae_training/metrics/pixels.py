"""How near a reconstruction is to its original, on 8-bit pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Return the PSNR in dB of each image: uint8 [n, 3, H, W] twice -> [n]."""
    mse = (a.float() - b.float()).square().mean((1, 2, 3))
    return 10 * torch.log10(255**2 / mse.clamp_min(1e-6))


def blocking(pixels: Tensor, patch: int) -> float:
    """Return the mean step across the seams of `patch` x `patch` squares over the mean step inside them.

    pixels: uint8 [n, 3, H, W]. Photographs give about 1.
    """
    ratios = []
    for dim in (-1, -2):
        steps = pixels.float().diff(dim=dim).abs().transpose(dim, -1)
        seams = torch.arange(steps.shape[-1], device=steps.device) % patch == patch - 1
        ratios.append(steps[..., seams].mean() / steps[..., ~seams].mean())
    return torch.stack(ratios).mean().item()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return the SSIM of each image: uint8 [n, 3, H, W] twice -> float64 [n]. Raises ValueError below 7 x 7 pixels.

    Wang et al. 2004 with a uniform 7 x 7 window and sample covariances, averaged over channels and over positions where the
    window fits. It equals scikit-image's structural_similarity(channel_axis=..., data_range=255).
    """
    window = 7
    if min(a.shape[-2:]) < window:
        raise ValueError(f"Expected images of at least {window} x {window} for SSIM but received {tuple(a.shape)}")
    x, y = a.double(), b.double()  # float32 loses the variance of flat areas
    mean = lambda image: F.avg_pool2d(image, window, stride=1)
    sample = window**2 / (window**2 - 1)
    mx, my = mean(x), mean(y)
    vx, vy, vxy = (sample * (mean(p * q) - mp * mq) for p, q, mp, mq in ((x, x, mx, mx), (y, y, my, my), (x, y, mx, my)))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx.square() + my.square() + c1) * (vx + vy + c2))
    return similarity.mean((1, 2, 3))
