"""Write drawings as images, to train a tokenizer on too: a decoder that saw photos alone blurs their edges.

    python -m vqrae_training generator draw --count 2500 --out drawings.tar

They are of the combinations that the generator trains on, as many of each as there are, and the same ones at each call.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Iterator
from pathlib import Path

from ..data.sources import write_tar
from ..errors import UserError
from .drawn import combinations, draw, held_out, placements


def drawings(count: int, size: int, grid: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield (name, PNG) of drawings of size x size pixels on grid x grid tokens. No combination comes again before the others."""
    rng = random.Random(seed)
    known = [c for c in combinations() if not held_out(*c)]
    rng.shuffle(known)
    for i in range(count):
        drawing = rng.choice(placements(known[i % len(known)], grid))
        png = io.BytesIO()
        draw(drawing, size, grid).save(png, "png")
        yield f"{drawing.shape}/{i:06d}.png", png.getvalue()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2500)
    parser.add_argument("--size", type=int, default=224, help="side in pixels")
    parser.add_argument("--grid", type=int, default=14, help="tokens a side")
    parser.add_argument("--out", required=True, help="a tar")
    args = parser.parse_args(argv)
    if args.count < 1:
        raise UserError(f"Expected a whole number above 0 for --count but received {args.count}")
    if args.grid < 8 or args.size < args.grid:  # where a small shape is three tokens wide, and a token is a pixel
        received = f"--size {args.size} --grid {args.grid}"
        raise UserError(f"Expected 8 tokens a side or more, of a pixel or more each, but received {received}")
    write_tar(drawings(args.count, args.size, args.grid), Path(args.out))
    print(f"{args.out}: {args.count} drawings")
