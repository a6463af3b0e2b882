"""The adversary: a discriminator, its optimiser and its schedule.

This module averages its gradients over ranks: it is small, and DDP or FSDP does not wrap it.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from ..config import GanSection
from ..errors import UserError
from ..models.encoder import load_encoder
from .adversarial import LeCam, PatchDiscriminator, adaptive_weight, hinge_loss, mean_over_ranks
from .vit_discriminator import ViTDiscriminator

CLIP = 1.0  # largest gradient norm, as TiTok clips its loss module


class Adversary:
    """The discriminator learns from step `start`. The generator answers to it `wait` steps later.

    Pixels are [n, 3, H, W], about [0, 1]. bf16: the discriminator runs in bfloat16 autocast, losses in float32. AdamW with
    VQRAE's betas and decay (Table 7), no decay on vectors.
    """

    def __init__(self, options: GanSection, device: torch.device, bf16: bool = False):
        self.options, self.device, self.bf16 = options, device, bf16
        self.discriminator = _discriminator(options).to(device)
        is_vit = isinstance(self.discriminator, ViTDiscriminator)
        # What learns and is saved. A frozen ViT comes from its folder again.
        self.trained: nn.Module = self.discriminator.heads if is_vit else self.discriminator
        self.lecam = LeCam().to(device)
        if dist.is_initialized():  # ranks may have drawn different numbers before this
            for tensor in self.trained.state_dict().values():
                dist.broadcast(tensor, 0)
        parameters = list(self.trained.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": 1e-4},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.999))
        self.drawn = (-1, 0)  # step, passes within it

    @torch.no_grad()
    def try_side(self, side: int) -> None:
        """Raise UserError where the discriminator cannot read pictures as small as `side`. Call it before the first step."""
        if isinstance(self.discriminator, PatchDiscriminator):
            self.discriminator(torch.zeros(1, 3, side, side, device=self.device))

    def generator_term(self, pixels: Tensor, reconstruction_loss: Tensor, last_layer: Tensor, step: int) -> Tensor:
        """Return what to add to the generator's loss: weight * -mean(logits), or 0 before start + wait. An adaptive weight is
        multiplied by `adaptive_weight` at `last_layer`. No gradient reaches the discriminator."""
        if step < self.options.start + self.options.wait:
            return torch.zeros((), device=self.device)
        if self.options.adaptive and isinstance(last_layer, DTensor):
            raise UserError("Expected gan.adaptive=false for run.parallel=fsdp (it shards the last layer) but received true")
        self.trained.requires_grad_(False)
        loss = -self._logits(to_8_bit(pixels), step).mean()
        self.trained.requires_grad_(True)
        weight = adaptive_weight(reconstruction_loss, loss, last_layer) if self.options.adaptive else 1.0
        return self.options.weight * weight * loss

    def update(self, real: Tensor, fake: Tensor, step: int) -> Tensor:
        """Train the discriminator for one step. Returns its hinge loss, detached. Before `start` it does nothing and returns
        0."""
        if step < self.options.start:
            return torch.zeros((), device=self.device)
        real_logits = self._logits(real.detach().float(), step)
        fake_logits = self._logits(to_8_bit(fake.detach()), step)
        loss = hinge_loss(real_logits, fake_logits)
        self.optimiser.zero_grad(set_to_none=True)
        (loss + self.options.lecam * self.lecam(real_logits, fake_logits)).backward()
        for parameter in self.trained.parameters():
            parameter.grad = mean_over_ranks(parameter.grad)
        nn.utils.clip_grad_norm_(self.trained.parameters(), CLIP)
        self.optimiser.step()
        return loss.detach()

    def state_dict(self) -> dict:
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict:
        return {"discriminator": self.trained, "lecam": self.lecam, "optimiser": self.optimiser}

    def _logits(self, pixels: Tensor, step: int) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            if isinstance(self.discriminator, ViTDiscriminator):
                return self.discriminator(pixels, self._random(step)).float()
            return self.discriminator(pixels).float()

    def _random(self, step: int) -> torch.Generator:
        """Seed by step, pass and rank alone: a resumed run draws what an undisturbed one draws."""
        self.drawn = (step, self.drawn[1] + 1 if self.drawn[0] == step else 0)
        rank = dist.get_rank() if dist.is_initialized() else 0
        return torch.Generator().manual_seed((step * 4096 + rank) * 4096 + self.drawn[1])


def to_8_bit(pixels: Tensor) -> Tensor:
    """Round to 1/255 and clamp to [0, 1], with the gradient of the input (straight through). Real images are 8-bit: without
    this the discriminator would learn nothing but that."""
    pixels = pixels.float()
    return pixels + ((pixels.clamp(0, 1) * 255).round() / 255 - pixels).detach()


def _discriminator(options: GanSection) -> nn.Module:
    if options.discriminator == "patch":
        return PatchDiscriminator(options.width)
    if not options.encoder:
        raise UserError(
            "Expected a folder of a pretrained vision tower for gan.encoder (RAE's is DINO ViT-S/8) but received none; "
            "without one: --set gan.discriminator=patch"
        )
    return ViTDiscriminator(load_encoder(options.encoder))
