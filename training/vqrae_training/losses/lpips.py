"""LPIPS on VGG16 (Zhang et al. 2018), version 0.1: richzhang/PerceptualSimilarity `lpips/lpips.py`.

`vgg` takes torchvision's vgg16 file as it is. `linear` takes the reference's `lpips/weights/v0.1/vgg.pth`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Channels of VGG16's 3 x 3 convolutions by stage; a 2 x 2 max pool between stages; the last ReLU of each stage is a tap.
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# ImageNet's statistics for pixels in [-1, 1], as the reference rounds them.
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class VGG16(nn.Module):
    """Normalised pixels [n, 3, H, W], H and W >= 16 -> five taps [n, c, H / 2^i, W / 2^i]. Names: `features.N.weight`."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = []
        channels, self.taps = 3, []
        for i, widths in enumerate(STAGES):
            layers += [nn.MaxPool2d(2)] if i else []
            for width in widths:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            self.taps.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        taps = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in self.taps:
                taps.append(x)
        return taps


class Linear(nn.Module):
    """The learned weights of a tap's channels, under the reference's name `linK.model.1.weight` (0 is its dropout)."""

    def __init__(self):
        super().__init__()
        for i, widths in enumerate(STAGES):
            convolution = nn.Conv2d(widths[-1], 1, 1, bias=False)
            self.add_module(f"lin{i}", nn.ModuleDict({"model": nn.ModuleDict({"1": convolution})}))

    def weight(self, tap: int) -> Tensor:
        return self.get_parameter(f"lin{tap}.model.1.weight")[0]  # [c, 1, 1]


class LPIPS(nn.Module):
    """Pixels and targets [n, 3, H, W] in [0, 1] -> the mean distance over the batch, scalar."""

    def __init__(self):
        super().__init__()
        self.vgg, self.linear = VGG16(), Linear()
        self.register_buffer("shift", torch.tensor(SHIFT)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor, targets: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.vgg((targets * 2 - 1 - self.shift) / self.scale)
        taps = self.vgg((pixels * 2 - 1 - self.shift) / self.scale)
        distances = [
            (self.linear.weight(i) * (_unit(a) - _unit(b)).square()).sum(1).mean()
            for i, (a, b) in enumerate(zip(taps, wanted, strict=True))
        ]
        return torch.stack(distances).sum()


def _unit(x: Tensor) -> Tensor:
    """Scale to length 1 over channels. The 1e-8 under the root keeps the gradient of all-zero positions finite, as in
    torchmetrics. The reference adds 1e-10 after the root."""
    x = x.float()
    return x / (x.square().sum(1, keepdim=True) + 1e-8).sqrt()
