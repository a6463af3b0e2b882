"""Writes sizes.json: how many of a canvas's tokens `unpad_image` keeps, and how LFM2-VL sizes and tiles images.

    python make_sizes.py

Made with torch 2.13.0, torchvision 0.28.0, transformers 5.18.0.
    unpad: [canvas rows, canvas columns, image width, image height, kept rows, kept columns]
    lfm2:  [image width, image height, width, height, tile columns, tile rows], with the processor's defaults
"""

import json
import random
from pathlib import Path

import torch
import transformers
from transformers.models.lfm2_vl.image_processing_lfm2_vl import Lfm2VlImageProcessor
from transformers.models.llava_next.modeling_llava_next import unpad_image

SIZES = [(481, 320), (640, 480), (480, 640), (1920, 1080), (1, 1), (1, 2000), (3000, 2), (672, 672), (333, 1000), (1024, 1023)]


def main() -> None:
    draw = random.Random(1)
    sizes = SIZES + [(draw.randint(1, 3000), draw.randint(1, 3000)) for _ in range(60)]
    unpad = []
    for width, height in sizes:
        rows, columns = (draw.choice([4, 24, 27]) * draw.choice([1, 2, 3]) for _ in range(2))
        kept = unpad_image(torch.zeros(1, rows, columns), (height, width))
        unpad.append([rows, columns, width, height, *kept.shape[1:]])

    processor = Lfm2VlImageProcessor()
    budget = dict(downsample_factor=2, max_image_tokens=256, encoder_patch_size=16)
    lfm2 = []
    for width, height in sizes:
        sized = processor.smart_resize(height, width, min_image_tokens=64, **budget)
        large = processor._is_image_too_large(height, width, max_pixels_tolerance=2.0, **budget)
        grid = processor._get_grid_layout(height, width, 2, 10, 512)[:2] if large else (1, 1)
        lfm2.append([width, height, *sized, *grid])
    content = {"transformers": transformers.__version__, "unpad": unpad, "lfm2": lfm2}
    text = json.dumps(content, separators=(",", ":")).replace("],[", "],\n[")
    (Path(__file__).parent / "sizes.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
