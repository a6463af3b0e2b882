"""How near a reconstruction is to its original. The model card's figures come from the SDK's own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..losses.mobilenet import MobileNetV1

EMBEDDING_SIZE = 224  # side of the pictures that MobileNetV1 was trained on


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


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """SSIM of each image: uint8 [n, 3, H, W] twice -> float64 [n].

    Wang et al. 2004 with a uniform 7 x 7 window and sample covariances, averaged over positions where the window fits
    and over channels: scikit-image's structural_similarity(channel_axis=..., data_range=255).
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


@torch.no_grad()
def feature_statistics(network: MobileNetV1, pixels: Tensor, batch: int = 32) -> tuple[Tensor, Tensor]:
    """Mean [1024] and covariance [1024, 1024], float64, of the pooled last tap of MobileNetV1 over uint8 [n, 3, H, W].

    Images are resized to 224 x 224 (bilinear, antialiased) first. n >= 2; below 1,025 images the covariance is singular
    and the distance carries a bias that shrinks with n, so only distances over equally many images compare.
    """
    if len(pixels) < 2:
        raise ValueError(f"Expected at least 2 images for a covariance but received {len(pixels)}")
    device = next(network.buffers()).device
    features = []
    for part in pixels.split(batch):
        size = (EMBEDDING_SIZE, EMBEDDING_SIZE)
        x = F.interpolate(part.to(device).float() / 255, size, mode="bilinear", antialias=True).clamp(0, 1)
        features.append(network(x)[-1].mean((2, 3)).double().cpu())
    rows = torch.cat(features)
    return rows.mean(0), rows.T.cov()


def frechet_distance(mu1: Tensor, s1: Tensor, mu2: Tensor, s2: Tensor) -> float:
    """|mu1 - mu2|² + tr(s1 + s2 - 2 (s1 s2)^(1/2)) of two Gaussians: means [d], covariances [d, d] (Heusel et al. 2017).

    On `feature_statistics` this is the "Frechet distance on MobileNetV1 features": it is not FID, whose features are
    InceptionV3's. The trace of the root is the sum of roots of the eigenvalues of s1^(1/2) s2 s1^(1/2), which is
    symmetric; scipy's sqrtm of s1 s2 drifts to complex values where the covariances are singular.
    """
    mu1, s1, mu2, s2 = (t.double() for t in (mu1, s1, mu2, s2))
    values, vectors = torch.linalg.eigh(s1)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ s2 @ root).clamp_min(0).sqrt().sum()
    return ((mu1 - mu2).square().sum() + s1.trace() + s2.trace() - 2 * cross).item()
