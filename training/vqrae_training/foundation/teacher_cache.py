"""The integer teacher's tokens and logits of augmented views. They are computed once and kept on disk, since it is slow."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import numpy as np
import torch

from ..data.images import normalise, random_view, to_uint8
from ..data.sources import Item
from ..errors import UserError
from . import integer_teacher as it
from .model import TAPS


def cache_teacher(teacher: it.IntegerDeiT, items: list[Item], repeats: list[int], out: Path, seed: int) -> None:
    """Write views.npy (uint8), taps.npy (float16, exact for integers below 2,048) and logits.npy under `out`.

    A killed run goes on with the next batch. Raises UserError where `out` caches another number of views.
    """
    order = [i for i, r in enumerate(repeats) for _ in range(r)]
    random.Random(seed).shuffle(order)
    n, done_file = len(order), out / "cached.json"
    stored = json.loads(done_file.read_text()) if done_file.exists() else {"views": 0, "of": n}
    if stored["of"] != n:
        raise UserError(f"Expected a cache of {n} views in {out} but received one of {stored['of']}. Name another --out")
    done = stored["views"]
    mode = "r+" if done else "w+"
    size = it.GRID * it.PATCH
    open_npy = np.lib.format.open_memmap
    views = open_npy(out / "views.npy", mode, np.uint8, (n, 3, size, size))
    taps = open_npy(out / "taps.npy", mode, np.float16, (n, len(TAPS), it.GRID**2 + 1, it.WIDTH))
    logits = open_npy(out / "logits.npy", mode, np.float32, (n, 1000))
    start, first = time.time(), done
    while done < n:
        rng = random.Random(seed * 1_000_003 + done)
        batch = order[done : done + 32]
        x = torch.stack([to_uint8(random_view(items[i].open(), size, rng, (0.35, 1.0), 0.3)) for i in batch])
        t, scores = teacher.forward(normalise(x), TAPS)
        views[done : done + len(batch)] = x.numpy()
        taps[done : done + len(batch)] = torch.stack(t, 1).clamp(-65000, 65000).half().numpy()
        logits[done : done + len(batch)] = scores.numpy()
        done += len(batch)
        done_file.write_text(json.dumps({"views": done, "of": n}))
        if (done // 32) % 20 == 0:
            print(f"teacher {done}/{n} {(done - first) / (time.time() - start):.1f} views/s", flush=True)
