"""The adversarial term: a PatchGAN discriminator, hinge losses, LeCam, adaptive weight (VQGAN, TiTok).

Sources: CompVis/taming-transformers `modules/discriminator/model.py` and `modules/losses/vqperceptual.py`;
bytedance/1d-tokenizer `modeling/modules/losses.py` (LeCam). GroupNorm takes BatchNorm's place, so that an image's logits
depend neither on its batch-mates nor on how many ranks share the batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """Pixels [n, 3, H, W] in [0, 1] -> logits [n, 1, h, w], one for each overlapping patch (70 px wide at 3 layers)."""

    def __init__(self, width: int = 64, layers: int = 3):
        super().__init__()
        blocks: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels = width
        for i in range(1, layers + 1):
            wider = width * min(2**i, 8)
            stride = 2 if i < layers else 1
            blocks += [nn.Conv2d(channels, wider, 4, stride, 1, bias=False), nn.GroupNorm(8, wider), nn.LeakyReLU(0.2)]
            channels = wider
        self.main = nn.Sequential(*blocks, nn.Conv2d(channels, 1, 4, 1, 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.main(pixels * 2 - 1)


def hinge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's: half the sum of how far real logits stay below 1 and fake ones above -1."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())


def adaptive_weight(reconstruction: Tensor, generator: Tensor, last_layer: Tensor) -> Tensor:
    """|d reconstruction / d last_layer| over |d generator / d last_layer|, at most 10,000 (VQGAN eq. 7)."""
    a, b = (torch.autograd.grad(loss, last_layer, retain_graph=True)[0].norm() for loss in (reconstruction, generator))
    return (a / (b + 1e-6)).clamp(0, 1e4).detach()


class LeCam(nn.Module):
    """Keeps the logits near running means of the other side's (Tseng et al. 2021), which steadies small data."""

    def __init__(self, decay: float = 0.999):
        super().__init__()
        self.decay = decay
        self.register_buffer("real", torch.zeros(()))
        self.register_buffer("fake", torch.zeros(()))

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        real, fake = real.mean(), fake.mean()
        loss = F.relu(real - self.fake).square() + F.relu(self.real - fake).square()
        with torch.no_grad():
            self.real.lerp_(real, 1 - self.decay)
            self.fake.lerp_(fake, 1 - self.decay)
        return loss
