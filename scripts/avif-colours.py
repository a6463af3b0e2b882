"""Prints how far the colours of AVIF files lie from Pillow's, by chroma subsampling and quality.

Run after `npm run build`: python scripts/avif-colours.py examples/images/*.jpg (Pillow with libavif, numpy; Node on the path).
Each photo is written as AVIF by Pillow, then read by Pillow and by `readImage`. "noise" is an image of random colours.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, features

READ = """
import { writeFile } from "node:fs/promises";
const { readImage } = await import(process.argv[1]);
for (const path of process.argv.slice(2)) await writeFile(`${path}.rgb`, (await readImage(path)).data);
"""
DIST = Path(__file__).parent.parent / "dist/index.js"


def differences(images: list[Image.Image], subsampling: str, quality: int) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.avif" for i in range(len(images))]
        for image, path in zip(images, paths, strict=True):
            image.save(path, subsampling=subsampling, quality=quality)
        subprocess.run(["node", "--input-type=module", "-e", READ, DIST.as_uri(), *map(str, paths)], check=True)
        theirs = [np.asarray(Image.open(path).convert("RGB")).reshape(-1).astype(int) for path in paths]
        ours = [np.fromfile(f"{path}.rgb", np.uint8).astype(int) for path in paths]
        return np.concatenate([np.abs(a - b) for a, b in zip(theirs, ours, strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    photos = [Image.open(path).convert("RGB") for path in parser.parse_args().photos]
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (255, 341, 3), np.uint8))
    avif = features.version_module("avif")
    print(f"{date.today()}, Pillow {PIL.__version__} with libavif {avif}, {platform.machine()}, {len(photos)} photos\n")
    print("| images | subsampling | quality | mean levels | 99.9 % within | largest |\n| --- | --- | ---: | ---: | ---: | ---: |")
    for name, images in (("photos", photos), ("noise", [noise])):
        for subsampling in ("4:4:4", "4:2:2", "4:2:0", "4:0:0"):
            for quality in (60, 90):
                off = differences(images, subsampling, quality)
                row = [name, subsampling, quality, f"{off.mean():.2f}", f"{np.quantile(off, 0.999):.0f}", off.max()]
                print("| " + " | ".join(map(str, row)) + " |")


if __name__ == "__main__":
    main()
