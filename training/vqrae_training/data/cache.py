"""Caches a frozen encoder's features on several random views of every image, so that stage 1 costs the decoder alone.

`tokens.npy` float16 [views, t, layers * d] is the quantizer's input, `targets.npy` uint8 [views, 3, H, W] the pixels
that the decoder must give back. The folder resumes where a killed run stopped.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .images import Item, normalise, random_view, to_uint8
from ..models.vqrae import VQRAE

CROP = (0.6, 1.0)  # area of a random view
BATCH = 32


def make_views(items: list[Item], size: int, target: int, rng: random.Random) -> tuple[Tensor, Tensor]:
    """One random view of each item: the encoder's pixels uint8 [n, 3, size, size] and the decoder's target."""
    views = [random_view(i.open(), size, rng, CROP, jitter=0.0) for i in items]
    small = [v.resize((target, target), Image.Resampling.BICUBIC) for v in views]
    return torch.stack([to_uint8(v) for v in views]), torch.stack([to_uint8(v) for v in small])


class FeatureCache:
    """Memory-mapped arrays of cached views; `sample(step)` is deterministic in (seed, step)."""

    def __init__(self, folder: Path):
        self.tokens = np.load(folder / "tokens.npy", mmap_mode="r")
        self.targets = np.load(folder / "targets.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self.tokens)

    def sample(self, step: int, batch: int, seed: int) -> tuple[Tensor, Tensor]:
        """Batches walk a permutation per epoch, so every view is seen once an epoch."""
        per_epoch = len(self) // batch
        order = np.random.default_rng((seed, step // per_epoch)).permutation(len(self))
        rows = np.sort(order[(step % per_epoch) * batch :][:batch])
        return torch.from_numpy(self.tokens[rows]), torch.from_numpy(self.targets[rows])


@torch.no_grad()
def build_cache(model: VQRAE, items: list[Item], repeats: list[int], folder: Path, target: int, seed: int, bf16: bool):
    folder.mkdir(parents=True, exist_ok=True)
    order = [i for i, r in enumerate(repeats) for _ in range(r)]
    random.Random(seed).shuffle(order)
    config, state = model.config, folder / "cached.json"
    done = json.loads(state.read_text())["views"] if state.exists() else 0
    mode = "r+" if done else "w+"
    width = config.encoder.hidden_size * len(config.codebook.layers)
    shape = (len(order), config.encoder.grid**2, width)
    tokens = np.lib.format.open_memmap(folder / "tokens.npy", mode, np.float16, shape)
    targets = np.lib.format.open_memmap(folder / "targets.npy", mode, np.uint8, (len(order), 3, target, target))
    device = model.quantizer.codebook.weight.device
    started, first = time.time(), done
    while done < len(order):
        batch = [items[i] for i in order[done : done + BATCH]]
        x, y = make_views(batch, config.encoder.image_size, target, random.Random(seed * 1_000_003 + done))
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            hidden = model.encoder(normalise(x.to(device)), model.taps)
        tokens[done : done + len(batch)] = model.quantizer_input(hidden).half().cpu().numpy()
        targets[done : done + len(batch)] = y.numpy()
        done += len(batch)
        state.write_text(json.dumps({"views": done, "of": len(order)}))
        if done // BATCH % 25 == 0:
            rate = (done - first) / (time.time() - started)
            print(f"cached {done}/{len(order)} views, {rate:.0f}/s, {(len(order) - done) / rate:.0f} s left", flush=True)
