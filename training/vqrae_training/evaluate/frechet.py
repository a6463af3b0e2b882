"""The Frechet distance between two sets of images, on MobileNetV1's features. The model card's figures come from the SDK."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..losses.mobilenet import MobileNetV1

EMBEDDING_SIZE = 224  # side of the pictures that MobileNetV1 was trained on


@torch.no_grad()
def feature_statistics(network: MobileNetV1, pixels: Tensor, batch: int = 32) -> tuple[Tensor, Tensor]:
    """Return mean [1024] and covariance [1024, 1024], float64, of the pooled last tap of MobileNetV1 over uint8 [n, 3, H, W].

    Images are first resized to 224 x 224 (bilinear, antialiased). Below 1,025 images the covariance is singular and the distance
    has a bias that shrinks with n: compare distances over equally many images only. Raises ValueError below 2 images.
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
    """Return |mu1 - mu2|² + tr(s1 + s2 - 2 (s1 s2)^(1/2)) of two Gaussians with means [d] and covariances [d, d] (Heusel et al.
    2017).

    On `feature_statistics` this is the "Frechet distance on MobileNetV1 features". It is not FID, whose features are
    InceptionV3's. The trace of the root is the sum of the roots of the eigenvalues of s1^(1/2) s2 s1^(1/2), which is symmetric.
    scipy's sqrtm of s1 s2 drifts to complex values where the covariances are singular.
    """
    mu1, s1, mu2, s2 = (t.double() for t in (mu1, s1, mu2, s2))
    values, vectors = torch.linalg.eigh(s1)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ s2 @ root).clamp_min(0).sqrt().sum()
    return ((mu1 - mu2).square().sum() + s1.trace() + s2.trace() - 2 * cross).item()
