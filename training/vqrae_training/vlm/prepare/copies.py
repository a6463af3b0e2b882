"""Write changed copies of captioned photos, with their captions: few photos then teach more.

    python -m vqrae_training vlm copies --photos flickr-train.tar --kind mirrored --out mirrored.tar

    mirrored    left for right; captions that say left or right are left out
    cropped     75 to 92 % of each side, stretched to the photo's own size; half of them mirrored
    wide        stretched to 3:2, which becomes two tiles; one in five to 2:3

A copy depends on the photo, --seed and --kind alone. Its name is the photo's behind `KIND-`.
"""

from __future__ import annotations

import argparse
import io
import random
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import Image, ImageOps

from ...data.sources import spread, write_tar
from ..photos import read_pairs

SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)
QUALITY = 92


def copy_of(photo: Image.Image, captions: list[str], kind: str, rng: random.Random) -> tuple[Image.Image, list[str]]:
    """Return the copy and the captions that hold for it, which may be none."""
    if kind == "wide":
        long = round(min(photo.size) * 340 / 224)
        size = (long, min(photo.size)) if rng.random() < 0.8 else (min(photo.size), long)
        return photo.resize(size, Image.Resampling.BICUBIC), captions
    if kind == "cropped":
        width, height = (round(side * rng.uniform(0.75, 0.92)) for side in photo.size)
        x, y = rng.randint(0, photo.width - width), rng.randint(0, photo.height - height)
        photo = photo.resize(photo.size, Image.Resampling.BICUBIC, (x, y, x + width, y + height))
        if rng.random() < 0.5:
            return photo, captions
    return ImageOps.mirror(photo), [caption for caption in captions if not SIDES.search(caption)]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="a tar with its table of captions, NAME.tsv, beside it")
    parser.add_argument("--kind", required=True, choices=("mirrored", "cropped", "wide"))
    parser.add_argument("--out", required=True, help="the tar to write; its table is written beside it")
    parser.add_argument("--most", type=int, help="photos to copy, evenly over the tar (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    out, said_of = Path(args.out), {}

    def copies() -> Iterator[tuple[str, bytes]]:
        for item, captions in spread(read_pairs(args.photos), args.most):
            rng = random.Random(f"{args.seed}:{args.kind}:{item.name}")
            copy, said = copy_of(item.open(), captions, args.kind, rng)
            if not said:
                continue
            name, file = f"{args.kind}-{PurePosixPath(item.name).stem}.jpg", io.BytesIO()
            copy.save(file, "JPEG", quality=QUALITY)
            said_of[name] = said
            yield name, file.getvalue()

    write_tar(copies(), out)
    table = "".join(f"{name}\t{caption}\n" for name, said in said_of.items() for caption in said)
    out.with_suffix(".tsv").write_text(table)
    print(f"{len(said_of)} copies in {out}")
