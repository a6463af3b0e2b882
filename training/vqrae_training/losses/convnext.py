"""The MSE between ConvNeXt-Small's logits: TiTok's second perceptual term (1d-tokenizer `modeling/modules/perceptual_loss.py`).

The network takes torchvision's convnext_small file as it is. TiTok uses those weights (IMAGENET1K_V1). Hugging Face's come from
another training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.images import IMAGENET_MEAN, IMAGENET_STD

DEPTHS, WIDTHS = (3, 3, 27, 3), (96, 192, 384, 768)
INPUT_SIZE, CLASSES = 224, 1000


class LayerNorm2d(nn.LayerNorm):
    """LayerNorm over the channels of [n, c, h, w]."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """x + scale * MLP(LN(7 x 7 depthwise convolution)) (Liu et al. 2022). Names: `block.{0,2,3,5}`, `layer_scale`."""

    def __init__(self, dim: int):
        super().__init__()
        self.layer_scale = nn.Parameter(torch.full((dim, 1, 1), 1e-6))
        parts = {
            "0": nn.Conv2d(dim, dim, 7, padding=3, groups=dim),
            "2": nn.LayerNorm(dim, eps=1e-6),
            "3": nn.Linear(dim, 4 * dim),
            "5": nn.Linear(4 * dim, dim),
        }
        self.block = nn.ModuleDict(parts)

    def forward(self, x: Tensor) -> Tensor:
        convolve, norm, up, down = self.block.values()
        y = norm(convolve(x).permute(0, 2, 3, 1))  # [n, h, w, c]
        return x + self.layer_scale * down(F.gelu(up(y))).permute(0, 3, 1, 2)


class ConvNeXtSmall(nn.Module):
    """Normalised pixels [n, 3, H, W] -> logits [n, 1000]. Names: torchvision's `features.*`, `classifier.{0,2}`."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = [
            nn.Sequential(nn.Conv2d(3, WIDTHS[0], 4, stride=4), LayerNorm2d(WIDTHS[0], eps=1e-6))
        ]
        for i, (depth, width) in enumerate(zip(DEPTHS, WIDTHS, strict=True)):
            if i:
                narrow = WIDTHS[i - 1]
                layers.append(nn.Sequential(LayerNorm2d(narrow, eps=1e-6), nn.Conv2d(narrow, width, 2, stride=2)))
            layers.append(nn.Sequential(*(Block(width) for _ in range(depth))))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(LayerNorm2d(WIDTHS[-1], eps=1e-6), nn.Flatten(1), nn.Linear(WIDTHS[-1], CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3), keepdim=True))


class ConvNeXtLoss(nn.Module):
    """Pixels and targets [n, 3, H, W] in [0, 1], resized to 224 x 224 (bilinear, antialiased) -> MSE of logits, scalar."""

    def __init__(self):
        super().__init__()
        self.network = ConvNeXtSmall()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False)

    def logits(self, pixels: Tensor) -> Tensor:
        size = (INPUT_SIZE, INPUT_SIZE)
        x = F.interpolate(pixels.float(), size, mode="bilinear", align_corners=False, antialias=True)
        return self.network((x - self.mean) / self.std).float()

    def forward(self, pixels: Tensor, targets: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.logits(targets)
        return F.mse_loss(self.logits(pixels), wanted)
