"""Random views of images. The n-th view of a run is the same on any number of ranks and after any stop."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .images import random_view, to_uint8
from .sources import Item


@dataclass(frozen=True)
class ViewOptions:
    size: int  # side of the encoder's input
    target: int  # side of the decoder's output
    crop: tuple[float, float] = (0.6, 1.0)
    flip: bool = True
    seed: int = 0


def make_view(item: Item, options: ViewOptions, index: int) -> tuple[Tensor, Tensor]:
    """Return the index-th view: the encoder's pixels uint8 [3, size, size] and the decoder's target [3, target, target]."""
    rng = random.Random(f"{options.seed}:{index}")
    view = random_view(item.open(), options.size, rng, options.crop, flip=options.flip)
    small = view.resize((options.target, options.target), Image.Resampling.BICUBIC)
    return to_uint8(view), to_uint8(small)


def epoch_order(length: int, epoch: int, seed: int) -> np.ndarray:
    """Return a random order that holds every element once. It depends on epoch and seed alone."""
    return np.random.default_rng((seed, epoch)).permutation(length)


class Views(Dataset):
    """Gives the view of any index >= 0: one epoch follows the other."""

    def __init__(self, items: list[Item], repeats: list[int], options: ViewOptions):
        self.items, self.options = items, options
        self.rows = np.repeat(np.arange(len(items)), repeats)
        self._epoch, self._order = -1, np.empty(0, int)

    def __len__(self) -> int:
        """The number of views in an epoch."""
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(index, len(self.rows))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, epoch_order(len(self.rows), epoch, self.options.seed)
        return make_view(self.items[self.rows[self._order[position]]], self.options, index)


def view_batches(views: Dataset, batches: Iterator[list[int]], workers: int, pin: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of the given indices. `workers` processes decode them ahead."""
    # The loader draws a seed for its workers. It draws from a generator of its own: a resumed run, which starts a loader again,
    # then has the random numbers of an undisturbed one.
    own = torch.Generator()
    loader = DataLoader(views, batch_sampler=batches, num_workers=workers, pin_memory=pin, generator=own)  # type: ignore[arg-type]
    yield from loader


def stack(pairs: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    first, second = zip(*pairs, strict=True)
    return torch.stack(first), torch.stack(second)
