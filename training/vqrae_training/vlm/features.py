"""The frozen encoder's features of every picture, computed once and kept on disk in half precision.

`tokens.npy` float16 [tiles, t, d] holds the tokens of one block, or of several side by side, without the class token. That of the
last one is in `class.npy` [tiles, d]. Equal tiles are kept once: six NLVR
pictures of three boxes have nine different tiles. A killed run goes on with the next tiles.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..data.cache import fingerprint
from ..data.images import normalise, to_uint8
from ..errors import UserError
from ..models.encoder import Encoder
from ..models.image_spec import NUMBERS

BATCH = 32


class Shown(Protocol):
    """A picture and its name, such as data.sources.Item. It is hashable."""

    @property
    def name(self) -> str: ...
    def open(self) -> Image.Image: ...


def picture_tiles(image: Image.Image, size: int, most: int, resample: str) -> list[Image.Image]:
    """Cut a picture as InternVL's `dynamic_preprocess` does, without a thumbnail, for at most three tiles: no two such grids have
    the same shape. Where two grids are as near, as for 3:2, the larger one is taken unless the picture is small."""
    grids = sorted(((c, r) for c in range(1, most + 1) for r in range(1, most + 1) if c * r <= most), key=lambda g: g[0] * g[1])
    distance = lambda grid: abs(image.width / image.height - grid[0] / grid[1])
    columns, rows = grids[0]
    for grid in grids[1:]:
        fills = image.width * image.height > 0.5 * size**2 * grid[0] * grid[1]
        if distance(grid) < distance((columns, rows)) or distance(grid) == distance((columns, rows)) and fills:
            columns, rows = grid
    stretched = image.resize((columns * size, rows * size), Image.Resampling(NUMBERS[resample]))
    corners = [(c * size, r * size) for r in range(rows) for c in range(columns)]
    return [stretched.crop((x, y, x + size, y + size)) for x, y in corners]


class Features:
    """Tokens of each picture's tiles, by the picture's name."""

    def __init__(self, folder: Path):
        self.tokens = np.load(folder / "tokens.npy", mmap_mode="r")
        self.classes = np.load(folder / "class.npy", mmap_mode="r")
        self.rows: dict[str, list[int]] = json.loads((folder / "pictures.json").read_text())

    def of(self, name: str) -> Tensor:
        """Return the tokens of a picture's tiles, float16 [tiles, t, d]."""
        return torch.from_numpy(self.tokens[self.rows[name]])

    def class_token(self, name: str) -> Tensor:
        """Return the class token of a picture's first tile, float16 [d]."""
        return torch.from_numpy(np.array(self.classes[self.rows[name][0]]))


class FeatureSets:
    """The features of several folders. A name is in one of them alone."""

    def __init__(self, sets: Sequence[Features]):
        self.home: dict[str, Features] = {}
        for some in sets:
            if twice := next((name for name in some.rows if name in self.home), None):
                raise UserError(f"Expected every picture's name once but received {twice} twice")
            self.home |= dict.fromkeys(some.rows, some)

    def of(self, name: str) -> Tensor:
        return self.home[name].of(name)

    def class_token(self, name: str) -> Tensor:
        return self.home[name].class_token(name)


@torch.no_grad()
def build_features(
    encoder: Encoder, layers: tuple[int, ...], most: int, items: Sequence[Shown], folder: Path, bf16: bool = False
) -> Features:
    """Compute and keep the features. layers: 1-based blocks whose outputs are kept, ascending. most: tiles of one picture. Raises
    UserError where the folder holds those of other pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    cut = lru_cache(maxsize=4)(lambda item: picture_tiles(item.open(), encoder.image_size, most, encoder.resample))
    facts = {"pictures": _digest([i.name for i in items]), "layers": list(layers), "most": most, "bf16": bf16}
    facts["encoder"] = fingerprint(encoder)
    state = folder / "cached.json"
    stored = json.loads(state.read_text()) if state.exists() else {"tiles": 0}
    done, known = stored.pop("tiles"), stored
    if known and known != facts:
        wrong = ", ".join(k for k in facts if known.get(k) != facts[k])
        raise UserError(f"Expected this run's pictures in {folder} but received others ({wrong} differ). Remove the folder")
    if known and (folder / "pictures.json").exists() and done == len(np.load(folder / "tokens.npy", mmap_mode="r")):
        return Features(folder)
    seen: dict[str, int] = {}
    rows: dict[str, list[int]] = {}
    where: list[tuple[Shown, int]] = []
    for item in items:
        for k, tile in enumerate(cut(item)):
            row = seen.setdefault(hashlib.sha256(tile.tobytes()).hexdigest(), len(where))
            if row == len(where):
                where.append((item, k))
            rows.setdefault(item.name, []).append(row)
    (folder / "pictures.json").write_text(json.dumps(rows))
    shape = (len(where), encoder.grid**2, encoder.hidden_size * len(layers))
    tokens = np.lib.format.open_memmap(folder / "tokens.npy", "r+" if done else "w+", np.float16, shape)
    classes = np.lib.format.open_memmap(
        folder / "class.npy", "r+" if done else "w+", np.float16, (len(where), encoder.hidden_size)
    )
    started, first, device = time.time(), done, next(encoder.parameters()).device
    while done < len(where):
        part = where[done : done + BATCH]
        pixels = torch.stack([to_uint8(cut(item)[k]) for item, k in part])
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            hidden = encoder(normalise(pixels.to(device), encoder.mean, encoder.std), layers)
        tokens[done : done + len(part)] = torch.cat([h[:, encoder.prefix :] for h in hidden], -1).half().cpu().numpy()
        classes[done : done + len(part)] = hidden[-1][:, 0].half().cpu().numpy()
        done += len(part)
        state.write_text(json.dumps({"tiles": done} | facts))
        if done // BATCH % 25 == 0:
            rate = (done - first) / (time.time() - started)
            print(f"cached {done}/{len(where)} tiles, {rate:.0f}/s, {(len(where) - done) / rate:.0f} s left", flush=True)
    tokens.flush()
    classes.flush()
    return Features(folder)


def _digest(names: list[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
