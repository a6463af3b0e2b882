"""The features of a frozen encoder on several random views of every image, kept on disk: stage 1 then costs the decoder alone.

`tokens.npy` float16 [views, t, layers * d], or [views, t, d] for their sum, is the quantizer's input. Of a frozen codebook it
is the ids, int32 [views, t]. `targets.npy` uint8 [views, 3, H, W] holds the pixels that the decoder must give back. A killed run
goes on with the next view.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import UserError
from ..models.vqrae import VQRAE
from .images import normalise
from .views import Views, epoch_order, stack

BATCH = 32


class CachedViews(Dataset):
    """The views of a cache: index -> (tokens float16 [t, c] or int32 [t], target uint8 [3, H, W]), for any index >= 0."""

    def __init__(self, folder: Path, seed: int):
        self.tokens = np.load(folder / "tokens.npy", mmap_mode="r")
        self.targets = np.load(folder / "targets.npy", mmap_mode="r")
        self.seed, self._epoch, self._order = seed, -1, np.empty(0, int)

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(index, len(self.tokens))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, epoch_order(len(self.tokens), epoch, self.seed)
        row = self._order[position]
        return torch.from_numpy(self.tokens[row].copy()), torch.from_numpy(self.targets[row].copy())


@torch.no_grad()
def build_cache(model: VQRAE, views: Views, folder: Path, bf16: bool, as_ids: bool = False) -> None:
    """Run the encoder on one epoch of views, and the quantizer too where `as_ids` says so. Raises UserError where the folder
    caches other images, sizes or layers."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder, options, count = model.encoder, views.options, len(views)
    shape = [count, encoder.grid**2] + ([] if as_ids else [model.quantizer.in_proj.in_features])
    facts = {"shape": shape, "layers": list(model.codebook_layers), "target": options.target, "seed": options.seed}
    facts |= {"combine": model.codebook_config.combine}
    facts |= {"crop": list(options.crop), "flip": options.flip, "encoder": fingerprint(encoder)}
    facts |= {"codebook": fingerprint(model.quantizer)} if as_ids else {}
    state = folder / "cached.json"
    stored = json.loads(state.read_text()) if state.exists() else {"views": 0}
    done = stored.pop("views")
    if done and stored != facts:
        raise UserError(
            f"Expected a cache of this run's views for {folder} but received another's "
            f"({', '.join(k for k in facts if stored.get(k) != facts[k])} differ). Remove the folder or name another."
        )
    mode = "r+" if done else "w+"
    kind = np.int32 if as_ids else np.float16
    tokens = np.lib.format.open_memmap(folder / "tokens.npy", mode, kind, tuple(shape))
    targets = np.lib.format.open_memmap(folder / "targets.npy", mode, np.uint8, (count, 3, options.target, options.target))
    device = next(encoder.parameters()).device
    started, first = time.time(), done
    while done < count:
        x, y = stack([views[i] for i in range(done, min(done + BATCH, count))])
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            hidden = encoder(normalise(x.to(device), encoder.mean, encoder.std), model.taps)
        given = model.quantizer_input(hidden)
        tokens[done : done + len(x)] = (model.quantizer(given).ids.int() if as_ids else given.half()).cpu().numpy()
        targets[done : done + len(x)] = y.numpy()
        done += len(x)
        state.write_text(json.dumps({"views": done} | facts))
        if done // BATCH % 25 == 0:
            rate = (done - first) / (time.time() - started)
            print(f"cached {done}/{count} views, {rate:.0f}/s, {(count - done) / rate:.0f} s left", flush=True)


def fingerprint(module: torch.nn.Module) -> float:
    """Return a number that differs between two encoders or codebooks: a cache must not outlive its own."""
    return round(sum(p.detach().double().abs().sum().item() for p in module.parameters()), 3)
