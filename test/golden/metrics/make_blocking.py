"""Writes blocking.json: the trainer's own `blocking` on drawn images, pooled over both.

    PYTHONPATH=training python test/golden/metrics/make_blocking.py

Made with torch 2.13.0. Image n is 24 x 16: uint8 of (x * 7 + y * 13 + c * 29 + n * 101) * 37 for n = 0, with squares of
8 pixels raised by 20 in a chequerboard for n = 1.
"""

import json
from pathlib import Path

import torch

from vqrae_training.metrics.pixels import blocking


def drawn(n: int) -> torch.Tensor:
    c, y, x = torch.meshgrid(torch.arange(3), torch.arange(16), torch.arange(24), indexing="ij")
    if n == 0:
        return (x * 7 + y * 13 + c * 29) * 37 % 256
    return 60 + x + 2 * y + 20 * ((x // 8 + y // 8) % 2)


images = torch.stack([drawn(0), drawn(1)]).byte()
stored = {str(square): blocking(images, square) for square in (4, 8)}
stored |= {"8 of the second": blocking(images[1:], 8)}
(Path(__file__).parent / "blocking.json").write_text(json.dumps(stored, indent=2) + "\n")
