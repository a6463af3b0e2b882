"""Writes tiles.json: what transformers' Pillow image processors make of images of many shapes.

    python make_tiles.py

Made with transformers 5.18.0, Pillow 12. Images are `pattern("mixed", ...)` of make_fixtures.py; pixels are compared by SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import PIL
import transformers
from make_fixtures import pattern
from transformers.image_utils import SizeDict
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil, get_optimal_tiled_canvas
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil, select_best_resolution
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize
from transformers.models.siglip2.image_processing_pil_siglip2 import get_image_size_for_max_num_patches

SHAPES = [
    (1, 1), (448, 448), (800, 600), (600, 800), (640, 427), (1920, 1080), (1080, 1920), (100, 2000), (2000, 100), (37, 53),
    (449, 448), (896, 448), (1344, 448), (1000, 1000), (333, 999), (4032, 3024), (3, 500), (1999, 10), (672, 336), (28, 42),
]  # fmt: skip
# Pixels are compared for these alone: the others cost seconds and show no more.
DRAWN = [(37, 53), (80, 60), (61, 200), (200, 61), (64, 64), (130, 44)]
PINPOINTS = [[48, 96], [96, 48], [96, 96], [144, 48], [48, 144]]
TILE = 48


def digest(pixels: np.ndarray) -> str:
    """[3, h, w] or [h, w, 3] uint8 -> SHA-256 of its RGB bytes."""
    pixels = pixels if pixels.shape[-1] == 3 else pixels.transpose(1, 2, 0)
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def sizes() -> dict:
    out = {"dynamic": [], "anyres": [], "naflex": [], "smart": [], "crops": []}
    for w, h in SHAPES:
        for tile, low, high in ((448, 1, 12), (448, 1, 6), (336, 2, 9)):
            grid = get_optimal_tiled_canvas((h, w), (tile, tile), low, high)
            out["dynamic"].append({"size": [w, h], "tile": tile, "min": low, "max": high, "grid": grid})
        pinpoints = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
        out["anyres"].append({"size": [w, h], "pinpoints": pinpoints, "best": select_best_resolution((h, w), pinpoints)})
        for patch, most in ((16, 256), (16, 1024), (14, 729)):
            height, width = get_image_size_for_max_num_patches(h, w, patch, most)
            out["naflex"].append({"size": [w, h], "patch": patch, "max": most, "result": [width, height]})
        for low, most, ratio in ((256, 4, 1.2), (32, 448, 0.3), (28, 2, 1.5)):
            crops = Gemma3ImageProcessorPil().pan_and_scan(np.zeros((3, h, w), np.uint8), low, most, ratio)
            sizes = [[crop.shape[2], crop.shape[1]] for crop in crops]
            out["crops"].append({"size": [w, h], "minCrop": low, "max": most, "minRatio": ratio, "result": sizes})
        if max(w, h) / min(w, h) <= 200:
            for factor, low, high in ((28, 56 * 56, 14 * 14 * 4 * 1280), (28, 256 * 28 * 28, 1280 * 28 * 28), (32, 1024, 10**6)):
                height, width = smart_resize(h, w, factor, low, high)
                out["smart"].append({"size": [w, h], "factor": factor, "min": low, "max": high, "result": [width, height]})
    return out


def drawn() -> list:
    tiles, anyres, pad = GotOcr2ImageProcessorPil(), LlavaNextImageProcessorPil(), LlavaImageProcessorPil()
    cases = []
    for w, h in DRAWN:
        image = np.asarray(pattern("mixed", w, h)).transpose(2, 0, 1)
        side = SizeDict(height=TILE, width=TILE)
        dynamic = tiles.crop_image_to_patches(image, 1, 6, patch_size=side, resample=PIL.Image.Resampling.BICUBIC)
        fitted = anyres.get_image_patches(image, PINPOINTS, (TILE, TILE), TILE, PIL.Image.Resampling.BICUBIC)
        square = pad.pad_to_square(image, (122, 116, 104))
        cases.append({
            "size": [w, h], "tile": TILE, "pinpoints": PINPOINTS, "dynamic": [digest(t) for t in dynamic],
            "anyres": [digest(t) for t in fitted], "square": digest(square),
        })  # fmt: skip
    return cases


if __name__ == "__main__":
    made = {"transformers": transformers.__version__, "pillow": PIL.__version__}
    content = {"made": made, "cases": {**sizes(), "drawn": drawn()}}
    (Path(__file__).parent / "tiles.json").write_text(json.dumps(content, indent=1) + "\n")
