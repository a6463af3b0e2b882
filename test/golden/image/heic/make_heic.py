"""Makes HEIC files and the pixels that libheif's own heif-convert reads of them: picture.heic, turned.heic (by an irot box, as
phones store portraits; its main brand is mif1, as some phones write), and PNG files.

Needs libheif's programs (`apt-get install libheif-examples`, 1.15.1 was used) and Pillow and numpy:

    python make_heic.py
"""

import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

here = Path(__file__).parent


def boxes(data: bytes, start: int, end: int):
    """(type, start, end) of each box in data[start:end]."""
    while start < end:
        size, kind = struct.unpack_from(">I4s", data, start)
        yield kind.decode(), start, start + size
        start += size


def turned(data: bytes, quarter_turns: int) -> bytes:
    """The file with a rotation of its only item: a property irot, its association, and what they move."""
    meta = next(box for box in boxes(data, 0, len(data)) if box[0] == "meta")
    parts = {kind: (start, end) for kind, start, end in boxes(data, meta[1] + 12, meta[2])}
    inner = {kind: (start, end) for kind, start, end in boxes(data, parts["iprp"][0] + 8, parts["iprp"][1])}
    index = sum(1 for _ in boxes(data, inner["ipco"][0] + 8, inner["ipco"][1])) + 1
    irot = struct.pack(">I4sB", 9, b"irot", quarter_turns)
    moved = len(irot) + 1

    def resized(start: int, grown: int) -> None:
        struct.pack_into(">I", out, start, struct.unpack_from(">I", out, start)[0] + grown)

    out = bytearray(data)
    resized(meta[1], moved)
    resized(parts["iprp"][0], moved)
    resized(inner["ipco"][0], len(irot))
    resized(inner["ipma"][0], 1)
    # iloc, version 0, with one item: its base offset comes behind 20 bytes, and points behind meta.
    base = parts["iloc"][0] + 20
    offset = struct.unpack_from(">I", out, base)[0]
    assert offset >= meta[2]
    struct.pack_into(">I", out, base, offset + moved)
    # ipma, version 0, one entry: 4 bytes of count, 2 of the item's id, 1 of associations.
    count = inner["ipma"][0] + 18
    out[count] += 1
    out.insert(inner["ipma"][1], 0x80 | index)
    return bytes(out[: inner["ipco"][1]] + irot + out[inner["ipco"][1] :])


# Multiples of 64, of which heif-enc makes one item.
rows, columns = np.mgrid[0:64, 0:128]
picture = np.stack([columns * 2, rows * 4, columns + rows], -1).astype(np.uint8)
with tempfile.TemporaryDirectory() as folder:
    png = Path(folder) / "picture.png"
    Image.fromarray(picture).save(png)
    # Without the deblocking filter: with it, libheif-js and heif-convert differ at edges of blocks.
    options = ["-q", "20", "-p", "chroma=444", "-p", "preset=ultrafast", "-p", "x265:no-deblock=1"]
    subprocess.run(["heif-enc", *options, png, "-o", here / "picture.heic"], check=True)
upright = (here / "picture.heic").read_bytes()
(here / "turned.heic").write_bytes(turned(upright, 3).replace(b"ftypheic", b"ftypmif1", 1))
for name in ["picture", "turned"]:
    subprocess.run(["heif-convert", here / f"{name}.heic", here / f"{name}.png"], check=True)
