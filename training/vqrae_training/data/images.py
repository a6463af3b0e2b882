"""Image sources and crops. A source is a folder or a tar of JPEG/PNG files; the parent folder's name is the label."""

from __future__ import annotations

import io
import random
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class Item:
    """One encoded image: its name inside the source, its label and its bytes."""

    name: str
    label: str
    data: bytes

    def open(self) -> Image.Image:
        try:
            return Image.open(io.BytesIO(self.data)).convert("RGB")
        except Exception as error:
            raise ValueError(f"Expected a readable image for {self.name} but received {len(self.data)} bytes") from error


def read_source(path: str | Path) -> list[Item]:
    """All images of a tar or folder, sorted by name, so that a run's order never depends on the file system."""
    path = Path(path)
    if path.is_dir():
        files = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES]
        items = [Item(str(p.relative_to(path)), p.parent.name, p.read_bytes()) for p in files]
    elif path.is_file():
        with tarfile.open(path) as tar:
            members = [m for m in tar.getmembers() if m.isfile() and PurePosixPath(m.name).suffix.lower() in SUFFIXES]
            items = [
                Item(m.name, PurePosixPath(m.name).parent.name, tar.extractfile(m).read())  # type: ignore[union-attr]
                for m in sorted(members, key=lambda m: m.name)
            ]
    else:
        raise FileNotFoundError(f"Expected a folder or tar of images for --data but received {path}")
    if not items:
        raise ValueError(f"Expected at least one image for {path} but received none ({', '.join(sorted(SUFFIXES))})")
    return items


def centre_crop(image: Image.Image, size: int) -> Image.Image:
    """Shortest edge to `size` (bicubic), then the centre square: the checkpoint's `crop` geometry."""
    w, h = image.size
    scale = size / min(w, h)
    # The long edge is truncated, as torchvision's Resize(int) and transformers' shortest_edge do.
    w, h = (size, int(h * size / w)) if w <= h else (int(w * size / h), size)
    if scale != 1:
        image = image.resize((w, h), Image.Resampling.BICUBIC)
    left, top = (w - size) // 2, (h - size) // 2
    return image.crop((left, top, left + size, top + size))


def random_view(image: Image.Image, size: int, rng: random.Random, scale: tuple[float, float], jitter: float) -> Image.Image:
    """Random resized square crop of `scale` (area fraction), horizontal flip, brightness/contrast/saturation jitter."""
    w, h = image.size
    side = min(w, h) * rng.uniform(*scale) ** 0.5
    aspect = 2.0 ** rng.uniform(-0.2, 0.2)
    cw, ch = min(w, side * aspect), min(h, side / aspect)
    x, y = rng.uniform(0, w - cw), rng.uniform(0, h - ch)
    image = image.resize((size, size), Image.Resampling.BICUBIC, box=(x, y, x + cw, y + ch))
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if jitter and rng.random() < 0.5:
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = enhance(image).enhance(1 + rng.uniform(-jitter, jitter))
    return image


def to_uint8(image: Image.Image) -> Tensor:
    """-> [3, H, W] uint8."""
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalise(pixels: Tensor) -> Tensor:
    """uint8 [n, 3, H, W] -> float32 with ImageNet statistics."""
    mean, std = (torch.tensor(v, device=pixels.device).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return (pixels.float() / 255 - mean) / std
