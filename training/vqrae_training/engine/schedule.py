"""The learning rate of every training loop: it rises over a warm-up, stays at its peak, and falls along a curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

# (steps done since the fall began, steps that it takes) -> what is left of the rate, from 1 to 0.
CURVES: dict[str, Callable[[int, int], float]] = {
    "cosine": lambda done, length: 0.5 * (1 + math.cos(math.pi * (done / length))),
    "line": lambda done, length: (length - done) / length,
}


@dataclass(frozen=True)
class Schedule:
    """The rate rises along a line over the first `warmup` steps, to its peak. It falls along `curve` from step `falls_from` to
    step `steps`, where it reaches its end. Where the two overlap, they multiply.

    warmup 0: no warm-up. falls_from = steps: no fall. curve: a name in CURVES.
    """

    steps: int
    warmup: int
    falls_from: int
    curve: str

    def rate(self, step: int, peak: float, end: float = 0.0) -> float:
        """Return the rate of the step that comes after `step` finished ones."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        length = max(1, self.steps - self.falls_from)
        done = min(max(0, step - self.falls_from), length)
        return rise * (end + (peak - end) * CURVES[self.curve](done, length))


def set_learning_rates(optimisers: Iterable[torch.optim.Optimizer], schedule: Schedule, step: int) -> float:
    """Give every parameter group its rate, from the group's own "peak" and "end" (0 where it has none). Returns the first
    group's rate."""
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    for group in groups:
        group["lr"] = schedule.rate(step, group["peak"], group.get("end", 0.0))
    return groups[0]["lr"]
