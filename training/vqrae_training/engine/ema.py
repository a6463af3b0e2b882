"""Exponential moving average of the trained parameters (TiTok's ramp: 1d-tokenizer `modeling/modules/ema_model.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor


class EMA:
    """After the step numbered s (from 0): shadow = d * shadow + (1 - d) * parameter, d = min(decay, (1 + s) / (10 + s)).

    The ramp forgets the random start: a constant 0.999 would still hold a tenth of it after 2,300 steps. Frozen parameters and
    buffers are not averaged. Under FSDP the shadow is sharded as its parameters are.
    """

    def __init__(self, model: nn.Module, decay: float):
        if not 0 <= decay < 1:
            raise ValueError(f"Expected a number in [0, 1) for the EMA's decay but received {decay}")
        self.decay = decay
        self.step = 0
        self.shadow: dict[str, Tensor] = {n: p.detach().clone() for n, p in _trained(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Call once after every optimiser step."""
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        for name, parameter in _trained(model).items():
            self.shadow[name].lerp_(parameter.detach(), 1 - decay)
        self.step += 1

    @contextmanager
    def swap(self, model: nn.Module) -> Iterator[None]:
        """Let the model compute with the averages. On leaving, it has its own weights again, bit for bit."""
        self._exchange(model)
        try:
            yield
        finally:
            self._exchange(model)

    @torch.no_grad()
    def _exchange(self, model: nn.Module) -> None:
        for name, parameter in _trained(model).items():
            held = parameter.detach().clone()
            parameter.copy_(self.shadow[name])
            self.shadow[name].copy_(held)

    def state_dict(self) -> dict:
        """Return whole tensors by the model's parameter names. Under FSDP every rank has to call it."""
        whole = {n: t.full_tensor() if isinstance(t, DTensor) else t for n, t in self.shadow.items()}
        return {"shadow": {n: t.cpu() for n, t in whole.items()}, "step": self.step}

    @torch.no_grad()
    def load_state_dict(self, state: dict) -> None:
        missing = self.shadow.keys() ^ state["shadow"].keys()
        if missing:
            raise ValueError(f"Expected averages of this model's parameters but received others: {sorted(missing)[:3]}")
        for name, held in self.shadow.items():
            value = state["shadow"][name].to(held.device)
            held.copy_(distribute_tensor(value, held.device_mesh, held.placements) if isinstance(held, DTensor) else value)
        self.step = state["step"]


def _trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {n: p for n, p in model.named_parameters() if p.requires_grad}
