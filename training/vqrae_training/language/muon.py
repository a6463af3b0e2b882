"""Muon (Keller Jordan, github.com/KellerJordan/Muon): momentum whose matrices are made orthogonal.

torch.optim.Muon always works in bfloat16. A processor without bfloat16 products does that twenty times slower than float32. Here
you choose.
"""

from __future__ import annotations

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic Newton-Schulz step
ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """An optimiser for matrices alone. `lr` is on AdamW's scale: updates have its usual root mean square (Moonlight, arXiv
    2502.16982). bf16: whether to orthogonalise in bfloat16."""

    def __init__(
        self,
        matrices: list[Tensor] | list[dict],
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        bf16: bool = False,
    ):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "bf16": bf16})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # PyTorch passes one where it restores an optimiser
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                average = self.state[p].setdefault("momentum", torch.zeros_like(p))
                average.lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(average, group["momentum"])  # Nesterov's look ahead
                update = orthogonal(ahead.bfloat16() if group["bf16"] else ahead)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * 0.2 * max(p.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about U Vᵀ of the matrix's U S Vᵀ, with singular values near 1 (0.7 to 1.2)."""
    a, b, c = COEFFICIENTS
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x
