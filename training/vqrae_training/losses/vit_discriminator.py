"""Heads on a frozen vision transformer, the discriminator of StyleGAN-T and RAE.

Sources: autonomousvision/stylegan-t `networks/discriminator.py`; RAE `src/disc` and its DINOv2-B config, whose ViT is DINO's
ViT-S/8. You can use any encoder of encoder.py.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ..data.images import normalise
from ..models.encoder import Encoder
from .diffaug import diffaug

DEPTHS = (3, 6, 9, 12)  # 1-based blocks of a ViT of 12 (the sources count from 0: 2, 5, 8, 11)
KERNEL = 9
VIRTUAL_BATCH = 8
CROP_PROBABILITY = 0.5


class ViTDiscriminator(nn.Module):
    """Pixels [n, 3, H, W] in [0, 1] -> logits [n, heads * t]: for every token of the blocks at `DEPTHS` (in proportion to
    the encoder's own number) and of the last one after the final norm. Only `heads` has gradients and is worth saving."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(False)
        count = encoder.num_layers
        self.blocks = tuple(sorted({max(1, round(d * count / DEPTHS[-1])) for d in DEPTHS}))
        width = encoder.hidden_size
        self.heads = nn.ModuleList(_head(width) for _ in range(len(self.blocks) + 1))

    def train(self, mode: bool = True) -> ViTDiscriminator:
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """generator: the CPU's, for augmentation and crop."""
        pixels = fit(diffaug(pixels, generator), self.encoder.image_size, generator)
        hidden = self.encoder(normalise(pixels * 255, self.encoder.mean, self.encoder.std), self.blocks)
        hidden.append(self.encoder.final_norm(hidden[-1]))
        # The heads are small beside the encoder: float32 keeps their norms and power iterations exact.
        with torch.autocast(pixels.device.type, enabled=False):
            tokens = [read_out(h, self.encoder.prefix).float() for h in hidden]
            return torch.cat([head(x).flatten(1) for head, x in zip(self.heads, tokens, strict=True)], 1)


def read_out(hidden: Tensor, prefix: int) -> Tensor:
    """Read [n, prefix + t, d] out as [n, d, t]. A class token, where there is one, is added to every patch's."""
    patches = hidden[:, prefix:]
    return (patches + hidden[:, :1] if prefix else patches).transpose(1, 2)


def fit(pixels: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Bring pictures to size x size. Larger ones are cropped half the time, which shows their detail, and resized otherwise."""
    height, width = pixels.shape[-2:]
    chance, u, v = torch.rand(3, generator=generator).tolist()
    if min(height, width) > size and chance < CROP_PROBABILITY:
        top, left = int(u * (height - size + 1)), int(v * (width - size + 1))
        return pixels[..., top : top + size, left : left + size]
    if (height, width) == (size, size):
        return pixels
    return F.interpolate(pixels, (size, size), mode="area" if height > size else "bicubic")


def _head(width: int) -> nn.Sequential:
    return nn.Sequential(_block(width, 1), Residual(_block(width, KERNEL)), spectral_norm(nn.Conv1d(width, 1, 1), eps=1e-12))


def _block(width: int, kernel: int) -> nn.Sequential:
    convolution = nn.Conv1d(width, width, kernel, padding=kernel // 2, padding_mode="circular")
    return nn.Sequential(spectral_norm(convolution, eps=1e-12), BatchNormLocal(width), nn.LeakyReLU(0.2))


class Residual(nn.Module):
    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return (self.inner(x) + x) / math.sqrt(2)


class BatchNormLocal(nn.Module):
    """Normalises [n, c, t] over tokens and groups of about 8 images. The size of a rank's batch does not matter."""

    def __init__(self, channels: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        groups = x.tensor_split(math.ceil(len(x) / VIRTUAL_BATCH))
        return torch.cat([F.batch_norm(g, None, None, self.weight, self.bias, training=True, eps=self.eps) for g in groups])
