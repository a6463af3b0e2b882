"""Writes crops.json: centre crops made by Pillow as guided-diffusion's image_datasets.py (ADM) and torchvision's Resize and
CenterCrop on PIL images do them, on `pattern("mixed", ...)` of make_fixtures.py; pixels by SHA-256.

    python make_crops.py
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import PIL
from make_fixtures import pattern
from PIL import Image

SHAPES = [(37, 53), (64, 64), (65, 64), (130, 44), (200, 61), (61, 200), (257, 130), (300, 299), (20, 90), (1, 1), (128, 129)]
SIZES = [16, 31, 64]


def adm(image: Image.Image, size: int) -> Image.Image:
    while min(image.size) >= 2 * size:
        image = image.resize(tuple(side // 2 for side in image.size), Image.BOX)
    scale = size / min(image.size)
    image = image.resize(tuple(round(side * scale) for side in image.size), Image.BICUBIC)
    left, top = ((side - size) // 2 for side in image.size)
    return image.crop((left, top, left + size, top + size))


def pil(image: Image.Image, size: int) -> Image.Image:
    short = min(image.size)
    image = image.resize(tuple(int(size * side / short) for side in image.size), Image.BICUBIC)
    left, top = (int(round((side - size) / 2.0)) for side in image.size)
    return image.crop((left, top, left + size, top + size))


def digest(image: Image.Image) -> str:
    return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()


def main() -> None:
    cases = []
    for width, height in SHAPES:
        image = pattern("mixed", width, height)
        for size in SIZES:
            digests = {"adm": digest(adm(image, size)), "pil": digest(pil(image, size))}
            cases.append({"width": width, "height": height, "size": size, **digests})
    text = json.dumps({"made": {"pillow": PIL.__version__}, "cases": cases}, indent=1)
    Path(__file__).with_name("crops.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
