"""AdamW with a learning rate for each part of a tokenizer."""

from __future__ import annotations

import torch
from torch import nn

from ..config import OptimiserSection
from ..models.vqrae import VQRAE


def parameter_groups(model: VQRAE, options: OptimiserSection, train_encoder: bool) -> list[dict]:
    """Group the parameters: quantizer and decoder learn at `lr`, the encoder at `encoder_lr`. Vectors and embeddings have no
    weight decay (TiTok)."""

    def split(module: nn.Module, peak: float, end: float) -> list[dict]:
        named = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        plain = {n for n, p in named if p.ndim < 2 or "embedding" in n or "codebook.weight" in n}
        groups = [([p for n, p in named if n not in plain], options.weight_decay), ([p for n, p in named if n in plain], 0.0)]
        return [{"params": p, "peak": peak, "end": end, "weight_decay": decay} for p, decay in groups if p]

    groups = split(model.quantizer, options.lr, options.end_lr) + split(model.decoder, options.lr, options.end_lr)
    if train_encoder:
        groups += split(model.encoder, options.encoder_lr, options.encoder_end_lr)
    return groups


def make_optimiser(groups: list[dict], options: OptimiserSection) -> torch.optim.AdamW:
    """Build AdamW over the groups. `set_learning_rates` sets their rates."""
    return torch.optim.AdamW(groups, lr=options.lr, betas=options.betas)
