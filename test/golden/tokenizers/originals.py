"""What the makers of the tokenizers' fixtures share: weights that names and shapes alone decide, and the originals' own functions."""

from __future__ import annotations

import ast
import math
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def function(path: Path, name: str, **scope):
    """One function of a script, which imports or does more than is wanted here."""
    node = next(node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") == name)
    exec(compile(ast.Module([node], []), name, "exec"), scope)
    return scope[name]


def weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    count = math.prod(shape)
    h = (np.arange(count, dtype=np.uint64) + zlib.crc32(name.encode())) * 0x9E3779B1 & 0xFFFFFFFF
    h ^= h >> np.uint64(15)
    h = h * 0x85EBCA77 & 0xFFFFFFFF
    h ^= h >> np.uint64(13)
    uniform = (h >> np.uint64(8)).astype(np.float64) / 2**24 - 0.5
    if len(shape) == 1:
        start = 1.0 if name.endswith("weight") else 0.0
        return (start + uniform * 0.5).reshape(shape).astype(np.float32)
    spread = 2.0 ** round(math.log2(5 / math.sqrt(math.prod(shape[1:])))) if "embed" not in name else 2.0
    return (uniform * spread).reshape(shape).astype(np.float32)


def resized_centre(image: Image.Image, edge: int, size: int, resample: Image.Resampling) -> np.ndarray:
    """torchvision's Resize(edge, resample) and CenterCrop(size) on a Pillow image."""
    width, height = image.size
    short = min(width, height)
    image = image.resize((int(edge * width / short), int(edge * height / short)), resample)
    left, top = (int(round((side - size) / 2.0)) for side in image.size)
    return np.asarray(image.crop((left, top, left + size, top + size)))
