"""Writes the JSON files and photo.jpg beside this file: what Pillow and torch make of small images.

Run: python make_fixtures.py --training <folder that holds vqrae_training>, with libjpeg-turbo's jpegtran on the path. Inputs of the resize cases are formulas
(`pattern`), which the tests repeat; expected pixels are base64 up to MAX_INLINE bytes and SHA-256 beyond.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import Image, ImageOps

HERE = Path(__file__).parent
MAX_INLINE = 300
FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# Source width and height, result width and height.
SIZES = [
    (1, 1, 1, 1), (1, 1, 7, 5), (1, 9, 4, 4), (9, 1, 4, 4), (2, 3, 1, 1), (5, 5, 5, 5), (17, 13, 17, 5), (17, 13, 4, 13),
    (64, 48, 16, 16), (61, 47, 224, 224), (500, 333, 224, 224), (333, 500, 112, 112), (225, 223, 224, 224),
    (16, 16, 37, 53), (1000, 3, 7, 11), (3, 1000, 11, 7), (4097, 2, 3, 3), (2, 4097, 3, 3), (2, 2, 600, 1), (1, 40, 1, 39),
    (1500, 1100, 31, 29), (3, 20000, 5, 2), (20000, 3, 2, 5), (7, 5, 1201, 1203),
    # Pillow shortens images first that are more than 100 times as high as wide.
    (3, 300, 11, 7), (3, 301, 11, 7), (3, 301, 11, 301), (3, 301, 11, 400), (5, 600, 3, 9),
]
CROPS = [
    (224, 224, 224), (224, 300, 224), (300, 224, 224), (225, 224, 224), (500, 333, 224), (333, 500, 224), (61, 47, 112),
    (47, 61, 112), (640, 427, 224), (427, 640, 224), (1, 1, 16), (1, 50, 16), (50, 1, 16), (99, 100, 7), (1023, 767, 97), (20, 2200, 7), (7, 800, 20),
]


def pattern(name: str, width: int, height: int) -> Image.Image:
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(np.int64)
    if name == "mixed":
        pixels = (x * 7 + y * 13 + c * 29) * 37 % 256
    elif name == "noise":
        pixels = ((x * 73856093) ^ (y * 19349663) ^ (c * 83492791)) // 64 % 256
    else:  # Hard edges: negative lobes overshoot at both ends of the range.
        pixels = (x // 3 + y // 5 + c) % 2 * 255
    return Image.fromarray(pixels.astype(np.uint8), "RGB")


def pixels(image: Image.Image) -> dict[str, object]:
    data = np.asarray(image).tobytes()
    value = {"base64": base64.b64encode(data).decode()} if len(data) <= MAX_INLINE else {"sha256": hashlib.sha256(data).hexdigest()}
    return {"width": image.width, "height": image.height, **value}


def resize_cases(training: Path) -> dict[str, object]:
    sys.path.insert(0, str(training))
    from vqrae_training.data.images import centre_crop

    resize = [
        {"pattern": name, "source": [w, h], "resample": resample, "expected": pixels(pattern(name, w, h).resize((ow, oh), code))}
        for w, h, ow, oh in SIZES
        for resample, code in FILTERS.items()
        for name in (["edges", "noise"] if ow * oh < 10_000 else ["mixed", "edges"])
    ]
    crop = [
        {"pattern": "mixed", "source": [w, h], "size": size, "expected": pixels(centre_crop(pattern("mixed", w, h), size))}
        for w, h, size in CROPS
    ]
    return {"resize": resize, "crop": crop}


def normalisation() -> list[dict[str, object]]:
    """(byte / 255 - mean) / std for all bytes, little-endian float32 [3, 256]."""
    cases = []
    for mean, std in [((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ((0.5,) * 3, (0.5,) * 3), ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))]:
        x = torch.arange(256, dtype=torch.uint8).expand(3, 256)
        m, s = torch.tensor(mean).view(3, 1), torch.tensor(std).view(3, 1)
        values = (x.float() / 255 - m) / s
        cases.append({"mean": mean, "std": std, "table": base64.b64encode(values.numpy().tobytes()).decode()})
    return cases


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def smooth(width: int, height: int) -> Image.Image:
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    wave = 128 + 70 * np.sin(x / (4 + c)) + 50 * np.cos(y / (7 - c)) + (x * y % 11)
    return Image.fromarray(wave.clip(0, 255).astype(np.uint8), "RGB")


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def png16(image: Image.Image) -> bytes:
    """16 bits a channel, which Pillow reads but does not write; the low bytes differ from the high ones."""
    values = np.asarray(image).astype(">u2") * 256 + (np.asarray(image)[::-1] // 2 + 7)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", image.width, image.height, 16, 2, 0, 0, 0)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def arithmetic(jpeg: bytes, *options: str) -> bytes:
    return subprocess.run(["jpegtran", "-arithmetic", *options], input=jpeg, capture_output=True, check=True).stdout


def file_cases() -> list[dict[str, object]]:
    image = smooth(37, 29)
    alpha = Image.fromarray((np.mgrid[0:29, 0:37].sum(0) * 4 % 256).astype(np.uint8), "L")
    rgba = image.copy()
    rgba.putalpha(alpha)
    grey_alpha = image.convert("L")
    grey_alpha.putalpha(alpha)
    cmyk = image.convert("CMYK")
    frames = [image.quantize(16), image.rotate(90).quantize(16)]
    files = {
        "jpeg 4:2:0": encoded(image, "JPEG", quality=80, subsampling=2),
        "jpeg 4:2:2": encoded(image, "JPEG", quality=60, subsampling=1),
        "jpeg 4:4:4 progressive": encoded(image, "JPEG", quality=90, subsampling=0, progressive=True),
        "jpeg grey": encoded(image.convert("L"), "JPEG"),
        "jpeg cmyk": encoded(cmyk, "JPEG", quality=90),
        "jpeg cmyk progressive": encoded(cmyk, "JPEG", progressive=True),
        "jpeg arithmetic": arithmetic(encoded(image, "JPEG")),
        "jpeg arithmetic progressive": arithmetic(encoded(image, "JPEG"), "-progressive"),
        **{f"jpeg orientation {o}": encoded(image, "JPEG", exif=turned(o)) for o in range(1, 9)},
        "png orientation 7": encoded(image, "PNG", exif=turned(7)),
        "webp orientation 8": encoded(image, "WEBP", lossless=True, exif=turned(8)),
        "tiff orientation 6": encoded(image, "TIFF", tiffinfo={0x0112: 6}),
        "png rgb": encoded(image, "PNG"),
        "png 16 bit": png16(image),
        "png animated": encoded(image, "PNG", save_all=True, append_images=[image.rotate(90)]),
        "png rgba": encoded(rgba, "PNG"),
        "png grey": encoded(image.convert("L"), "PNG"),
        "png grey alpha": encoded(grey_alpha, "PNG"),
        "png 1 bit": encoded(image.convert("1"), "PNG"),
        "png palette": encoded(image.quantize(32), "PNG"),
        "png palette transparent": encoded(image.quantize(32), "PNG", transparency=3),
        "webp lossless": encoded(image, "WEBP", lossless=True),
        "webp lossy": encoded(image, "WEBP", quality=70),
        "webp alpha": encoded(rgba, "WEBP", lossless=True, exact=True),
        "webp animated": encoded(image, "WEBP", lossless=True, save_all=True, append_images=[image.rotate(90)]),
        "gif animated": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "tiff": encoded(image, "TIFF"),
        "tiff lzw": encoded(image, "TIFF", compression="tiff_lzw"),
        "tiff jpeg": encoded(image, "TIFF", compression="jpeg"),
        "tiff group 4": encoded(image.convert("1"), "TIFF", compression="group4"),
        "tiff palette": encoded(image.quantize(16), "TIFF"),
        "tiff rgba": encoded(rgba, "TIFF"),
        "tiff cmyk": encoded(cmyk, "TIFF"),
        "tiff pages": encoded(image, "TIFF", save_all=True, append_images=[image.rotate(90)]),
    }
    cases = []
    for name, data in files.items():
        reference = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        cases.append({"name": name, "file": base64.b64encode(data).decode(), "expected": pixels(reference)})
    return cases


def write(name: str, value: object) -> None:
    versions = {"pillow": PIL.__version__, "torch": torch.__version__, "numpy": np.__version__}
    (HERE / name).write_text(json.dumps({"versions": versions, "cases": value}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=Path, default=HERE.parents[2] / "training")
    write("resize.json", resize_cases(parser.parse_args().training))
    write("normalisation.json", normalisation())
    write("files.json", file_cases())
    photo = encoded(smooth(61, 47), "JPEG", quality=85)
    (HERE / "photo.jpg").write_bytes(photo)
    write("photo.json", pixels(Image.open(io.BytesIO(photo)).convert("RGB")))
