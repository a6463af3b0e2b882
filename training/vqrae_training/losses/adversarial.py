"""Parts of the adversarial term: PatchGAN discriminator, hinge losses, LeCam, adaptive weight (VQGAN, TiTok).

Sources: CompVis/taming-transformers `modules/discriminator/model.py` and `modules/losses/vqperceptual.py`;
bytedance/1d-tokenizer `modeling/modules/losses.py` (LeCam). GroupNorm replaces BatchNorm: an image's logits depend neither on its
batch-mates nor on how many ranks share the batch.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UserError

NORM_GROUPS = 8


class PatchDiscriminator(nn.Module):
    """Pixels [n, 3, H, W] in [0, 1] -> logits [n, 1, h, w], one for each overlapping patch (70 px wide at 3 layers).

    H and W are at least 3 * 2^layers: 24 at 3 layers. width: channels of the first layer, a multiple of 4.
    """

    def __init__(self, width: int = 64, layers: int = 3):
        super().__init__()
        if width < 1 or 2 * width % NORM_GROUPS:
            raise UserError(f"Expected a multiple of {NORM_GROUPS // 2} for gan.width but received {width}")
        self.smallest = 3 * 2**layers
        blocks: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels = width
        for i in range(1, layers + 1):
            wider = width * min(2**i, 8)
            stride = 2 if i < layers else 1
            norm = nn.GroupNorm(NORM_GROUPS, wider)
            blocks += [nn.Conv2d(channels, wider, 4, stride, 1, bias=False), norm, nn.LeakyReLU(0.2)]
            channels = wider
        self.main = nn.Sequential(*blocks, nn.Conv2d(channels, 1, 4, 1, 1))
        for module in self.modules():  # taming's weights_init
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)
            elif isinstance(module, nn.GroupNorm):
                nn.init.normal_(module.weight, 1.0, 0.02)

    def forward(self, pixels: Tensor) -> Tensor:
        if min(pixels.shape[-2:]) < self.smallest:
            size = f"{pixels.shape[-2]} x {pixels.shape[-1]}"
            raise UserError(f"Expected pixels of at least {self.smallest} x {self.smallest} for gan.discriminator=patch but "
                            f"received {size}; use a larger decoder.patch_size or gan.discriminator=vit")  # fmt: skip
        return self.main(pixels * 2 - 1)


def hinge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return the discriminator's loss: half the sum of how far real logits lie below 1 and fake ones above -1."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())


def adaptive_weight(reconstruction: Tensor, generator: Tensor, last_layer: Tensor) -> Tensor:
    """Return |d reconstruction / d last_layer| over |d generator / d last_layer| + 1e-6, at most 10,000 (VQGAN eq. 7).

    1e-6 is the paper's and RAE's; taming's code has 1e-4. Gradients are those of the batch of all ranks.
    """
    losses = (reconstruction, generator)
    a, b = (mean_over_ranks(torch.autograd.grad(loss, last_layer, retain_graph=True)[0].float()).norm() for loss in losses)
    return (a / (b + 1e-6)).clamp(0, 1e4).detach()


class LeCam(nn.Module):
    """Keeps the logits near running means of the other side's (Tseng et al. 2021). This steadies training on little data."""

    def __init__(self, decay: float = 0.999):
        super().__init__()
        self.decay = decay
        self.register_buffer("real", torch.zeros(()))
        self.register_buffer("fake", torch.zeros(()))

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """Use means over all ranks. Gradients averaged over ranks are then those of one large batch."""
        real, fake = (m + (mean_over_ranks(m.detach()) - m.detach()) for m in (real.mean(), fake.mean()))
        loss = F.relu(real - self.fake).square() + F.relu(self.real - fake).square()
        with torch.no_grad():
            self.real.lerp_(real, 1 - self.decay)
            self.fake.lerp_(fake, 1 - self.decay)
        return loss


def mean_over_ranks(value: Tensor) -> Tensor:
    """Return the mean over ranks of a tensor that every rank holds. With one rank it is the tensor itself."""
    if not dist.is_initialized():
        return value
    value = value.clone()
    dist.all_reduce(value)
    return value / dist.get_world_size()
