"""Random weights that are the same everywhere: NumPy's legacy generator has a frozen stream."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


def random_weights(module: nn.Module, seed: int) -> dict[str, Tensor]:
    """A state dict for `module` in the order of its names: activations of about unit scale, no trivial bias."""
    rng = np.random.RandomState(seed)
    state = {}
    for name, tensor in sorted(module.state_dict().items()):
        values = rng.standard_normal(tensor.shape).astype(np.float32)
        if name.endswith("layer_scale"):
            values = 0.3 * values
        elif tensor.ndim > 1:
            values = values * np.sqrt(2 / np.prod(tensor.shape[1:]))
        elif name.endswith("weight"):
            values = 1 + 0.1 * values
        else:
            values = 0.1 * values
        state[name] = torch.from_numpy(values.astype(np.float32))
    return state


def random_images(seed: int, n: int = 2, side: int = 48) -> tuple[Tensor, Tensor]:
    """Originals [n, 3, side, side] in [0, 1] and noisy copies."""
    rng = np.random.RandomState(seed)
    originals = rng.uniform(size=(n, 3, side // 8, side // 8)).repeat(8, 2).repeat(8, 3)
    copies = (originals + 0.1 * rng.standard_normal(originals.shape)).clip(0, 1)
    return tuple(torch.from_numpy(x.astype(np.float32)) for x in (originals, copies))
