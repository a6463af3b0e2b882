"""Writes views.json: the 8-bit pixels that the encoder of a checkpoint is given, by each way of preparing images.

    python make_views.py

Made with transformers 5.18.0, Pillow 12. Each case holds a preprocessor_config.json as the processor saves it (`file`), the
model's config.json as far as it counts (`config`), the encoder's size and, for every image of `IMAGES`, the SHA-256 of
each view's RGB bytes and its [width, height]. What is not in transformers (OpenGVLab's InternVL, the original LLaVA) is done with
Pillow as their code does it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import PIL
import transformers
from make_fixtures import pattern
from PIL import Image
from transformers.image_processing_utils import select_best_resolution
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil, get_optimal_tiled_canvas
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.internvl.processing_internvl import InternVLProcessorKwargs
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

HERE = Path(__file__).parent
PHOTOS = ["test/golden/image/photo.jpg", "examples/images/cat.jpg"]
PATTERNS = [(61, 200), (200, 61), (20, 30), (64, 64), (300, 7), (100, 300)]
IMAGES = [{"photo": path} for path in PHOTOS] + [{"pattern": size} for size in PATTERNS]
IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
TILE = 48
PINPOINTS = [[48, 96], [96, 48], [96, 96], [144, 48], [48, 144]]
# Least side of a crop, most crops, least ratio of the sides: as Gemma 3 has them but for smaller images, one crop that is the
# whole image again, many small ones of any image.
PANS = [(20, 4, 1.2), (16, 1, 1.0), (5, 448, 0.3)]
RAW = dict(do_rescale=False, do_normalize=False)


def read(image: dict) -> Image.Image:
    if "photo" in image:
        return Image.open(HERE.parents[2] / image["photo"]).convert("RGB")
    return Image.fromarray(np.asarray(pattern("mixed", *image["pattern"])))


def view(pixels) -> dict:
    """A PIL image or [3, h, w] uint8."""
    array = np.asarray(pixels) if isinstance(pixels, Image.Image) else np.asarray(pixels).transpose(1, 2, 0)
    if array.dtype == np.float32:  # Idefics3 pads on float32
        assert (array == array.astype(np.uint8)).all()
        array = array.astype(np.uint8)
    assert array.dtype == np.uint8
    sha256 = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"size": [array.shape[1], array.shape[0]], "sha256": sha256}


def case(name: str, processor, views, *, size: int = TILE, file: dict | None = None, config: dict | None = None, **more) -> dict:
    """views: an image -> [pixels]"""
    file = {**json.loads(processor.to_json_string()), **(file or {})}
    made = [[view(pixels) for pixels in views(read(image))] for image in IMAGES]
    return {"name": name, "file": file, "config": config or {}, "size": size, **more, "views": made}


def each(processor, **options):
    """One view, or where the processor tiles an image all of them."""

    def views(image):
        pixels = processor(image, **RAW, **options)["pixel_values"]
        return pixels[0] if np.ndim(pixels[0]) == 4 else pixels

    return views


def clip(size: int, **options) -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size}, **options)


def pan_and_scan(low: int, most: int, ratio: float) -> dict:
    return {
        "do_pan_and_scan": True, "pan_and_scan_min_crop_size": low, "pan_and_scan_max_num_crops": most,
        "pan_and_scan_min_ratio_to_activate": ratio,
    }  # fmt: skip


def llava(size: int) -> dict:
    return {"size": {"shortest_edge": size}, "crop_size": {"height": size, "width": size}}


def native(processor, image) -> list[np.ndarray]:
    """Patches of [row, column, channel] back to one image, without the padding."""
    out = processor(image, **RAW)
    rows, columns = out["spatial_shapes"][0]
    p = processor.patch_size
    patches = np.asarray(out["pixel_values"][0])[: rows * columns].reshape(rows, columns, p, p, 3)
    return [patches.transpose(4, 0, 2, 1, 3).reshape(3, rows * p, columns * p)]


def internvl_chat(image, low: int, high: int, thumbnail: bool, side: int = TILE) -> list[Image.Image]:
    """internvl/train/dataset.py: stretched onto the tiles, Image.resize's own filter being bicubic."""
    columns, rows = get_optimal_tiled_canvas((image.height, image.width), (side, side), low, high)
    whole = image.resize((columns * side, rows * side))
    tiles = [whole.crop((x, y, x + side, y + side)) for y in range(0, whole.height, side) for x in range(0, whole.width, side)]
    return tiles + ([image.resize((side, side))] if thumbnail and len(tiles) > 1 else [])


def llava_pad(image, processor) -> list[np.ndarray]:
    """llava/mm_utils.py: the image in the middle of a square of the mean colour, then CLIP's processor."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), tuple(int(mean * 255) for mean in processor.image_mean))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return each(processor)(square)


def llava_anyres(image, pinpoints, processor) -> list[np.ndarray]:
    """llava/mm_utils.py, where pinpoints are [width, height]: the whole image, then the tiles of the best canvas."""
    height, width = select_best_resolution((image.height, image.width), [(h, w) for w, h in pinpoints])
    x, y = width / image.width, height / image.height
    fitted = (width, min(-int(-image.height * x // 1), height)) if x < y else (min(-int(-image.width * y // 1), width), height)
    canvas = Image.new("RGB", (width, height))
    canvas.paste(image.resize(fitted), ((width - fitted[0]) // 2, (height - fitted[1]) // 2))
    side = processor.crop_size.height
    tiles = [canvas.crop((x, y, x + side, y + side)) for y in range(0, height, side) for x in range(0, width, side)]
    return [pixels for part in [image.resize((side, side)), *tiles] for pixels in each(processor)(part)]


def cases() -> list[dict]:
    tiles = dict(size={"height": TILE, "width": TILE}, **IMAGENET)
    got, cropped = GotOcr2ImageProcessorPil(**tiles), GotOcr2ImageProcessorPil(**tiles, crop_to_patches=True, min_patches=2, max_patches=6)
    internvl = InternVLProcessorKwargs._defaults["images_kwargs"]
    anyres = LlavaNextImageProcessorPil(image_grid_pinpoints=PINPOINTS, **llava(TILE))
    real = LlavaNextImageProcessorPil(**llava(336))
    onevision = LlavaOnevisionImageProcessorPil(size={"height": TILE, "width": TILE}, image_grid_pinpoints=PINPOINTS)
    padded, unpadded = LlavaImageProcessorPil(do_pad=True, **llava(TILE), **IMAGENET), LlavaImageProcessorPil(**llava(TILE))
    naflex = [Siglip2ImageProcessorPil(), Siglip2ImageProcessorPil(patch_size=14, max_num_patches=100, resample=3)]
    split = dict(size={"longest_edge": 3 * TILE}, max_image_size={"longest_edge": TILE})
    idefics3 = [Idefics3ImageProcessorPil(**split), Idefics3ImageProcessorPil(**split, do_image_splitting=False, resample=3)]
    fitting = Idefics3ImageProcessorPil(size={"longest_edge": TILE}, max_image_size={"longest_edge": TILE})
    gemma3 = [Gemma3ImageProcessorPil(size={"height": TILE, "width": TILE}, **pan_and_scan(*numbers)) for numbers in PANS]
    chat = dict(dynamic_image_size=True, force_image_size=TILE, min_dynamic_patch=2, max_dynamic_patch=6, use_thumbnail=True)
    ratio = dict(image_aspect_ratio="anyres", image_grid_pinpoints=PINPOINTS)
    return [
        case("GotOcr2 without tiles", got, each(got)),
        case("GotOcr2 with tiles", cropped, each(cropped)),
        case("InternVLProcessor asks for tiles", got, each(got, **internvl), file={"processor_class": "InternVLProcessor"}),
        case("LLaVA-NeXT", anyres, each(anyres)),
        case("LLaVA-NeXT's defaults", real, each(real), size=336),
        case("LLaVA-OneVision", onevision, each(onevision)),
        case("LLaVA padded to a square", padded, each(padded)),
        case("LLaVA not padded", unpadded, each(unpadded)),
        case("Idefics3", idefics3[0], lambda image: idefics3[0](image, **RAW)["pixel_values"][0]),
        case("Idefics3 without tiles", idefics3[1], lambda image: idefics3[1](image, **RAW)["pixel_values"][0]),
        case("Idefics3, one tile at most", fitting, lambda image: fitting(image, **RAW)["pixel_values"][0]),
        case("Gemma 3", plain := Gemma3ImageProcessorPil(size={"height": TILE, "width": TILE}), each(plain)),
        *(case(f"Gemma 3, pan and scan {numbers}", made, each(made)) for numbers, made in zip(PANS, gemma3)),
        case("NaFlex", naflex[0], lambda image: native(naflex[0], image), grids="native", patchSize=16),
        case("NaFlex, other sizes", naflex[1], lambda image: native(naflex[1], image), grids="native", patchSize=14),
        case("OpenGVLab's InternVL", clip(TILE), lambda image: internvl_chat(image, 2, 6, True), config=chat),
        case(
            "OpenGVLab's InternVL at another size, without thumbnail", clip(TILE), lambda image: internvl_chat(image, 1, 6, False, 36),
            config={"dynamic_image_size": True, "force_image_size": 36},
        ),
        case(
            "OpenGVLab's InternVL without tiles", clip(TILE), lambda image: [image.resize((TILE, TILE))],
            config=chat | {"dynamic_image_size": False},
        ),
        case("original LLaVA, pad", clip(TILE), lambda image: llava_pad(image, clip(TILE)), config={"image_aspect_ratio": "pad"}),
        case("original LLaVA, anyres", clip(TILE), lambda image: llava_anyres(image, PINPOINTS, clip(TILE)), config=ratio),
        case("original LLaVA, square", clip(TILE), each(clip(TILE)), config={"image_aspect_ratio": "square"}),
    ]  # fmt: skip


if __name__ == "__main__":
    made = {"transformers": transformers.__version__, "pillow": PIL.__version__}
    content = {"made": made, "images": IMAGES, "cases": cases()}
    (HERE / "views.json").write_text(json.dumps(content, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
