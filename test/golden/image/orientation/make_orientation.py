"""Writes files.json beside this file: small images whose orientation stands in EXIF, XMP, PNG chunks, TIFF tags or AVIF boxes,
and the pixels that Pillow's ImageOps.exif_transpose(image).convert("RGB") makes of them.

Run: python make_orientation.py (Pillow 12.3 with libavif).
"""

from __future__ import annotations

import base64
import io
import json
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps, features

y, x, c = np.mgrid[0:9, 0:14, 0:3]
BASE = Image.fromarray(((x * 17 + y * 11 + c * 40) % 256).astype(np.uint8))  # A corner differs from each other corner.
SMOOTH = Image.fromarray(np.choose(c, [60 + x * 9, 200 - x * 6 - y * 4, 40 + y * 12]).astype(np.uint8))


def directory(value=6, typ=3, count=1, order="<", tag=0x112, raw=None) -> bytes:
    """A TIFF header and one directory of one entry."""
    form = {1: "B", 3: "H", 4: "L", 6: "b", 7: "B", 8: "h", 9: "l", 11: "f", 12: "d"}
    raw = struct.pack(order + form[typ] * count, *([value] * count)) if raw is None else raw
    inline = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(order + "L", 8 + 2 + 12 + 4)
    entry = struct.pack(order + "HHL", tag, typ, count) + inline
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "LH", 8, 1)
    return start + entry + struct.pack(order + "L", 0) + (raw if len(raw) > 4 else b"")


def behind_a_cut_tag(typ=2) -> bytes:
    """A directory whose first tag's text lies beyond the end."""
    cut = struct.pack("<HHLL", 0x10F, typ, 40, 38)
    return b"II*\0" + struct.pack("<LH", 8, 2) + cut + struct.pack("<HHLHH", 0x112, 3, 1, 6, 0) + struct.pack("<L", 0)


def attribute(value: object) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{value}"/></rdf:RDF></x:xmpmeta>'
    ).encode()


def element(value: int) -> bytes:
    inner = b"><tiff:Orientation>%d</tiff:Orientation></rdf:Description" % value
    return attribute(1).replace(b' tiff:Orientation="1"/', inner)


def saved(form: str, image: Image.Image = BASE, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def jpeg(exif: bytes | None = None, *packets: bytes, split: bool = False) -> bytes:
    def app1(body: bytes) -> bytes:
        return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body

    file = saved("JPEG", quality=90)
    parts = [] if exif is None else [exif[:20], exif[20:]] if split else [exif]
    segments = b"".join(app1(b"Exif\0\0" + part) for part in parts)
    segments += b"".join(app1(b"http://ns.adobe.com/xap/1.0/\0" + packet) for packet in packets)
    return file[:20] + segments + file[20:]


def png(*before: tuple[bytes, bytes], after: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    def chunks(some) -> bytes:
        return b"".join(struct.pack(">L", len(b)) + k + b + struct.pack(">L", zlib.crc32(k + b)) for k, b in some)

    file = saved("PNG")
    return file[:33] + chunks(before) + file[33:-12] + chunks(after) + file[-12:]


def raw_profile(body: bytes, name: str = "exif") -> bytes:
    lines = [body.hex()[i : i + 72] for i in range(0, 2 * len(body), 72)]
    return f"\n{name}\n{len(body):8d}\n".encode() + "\n".join(lines).encode() + b"\n"


def exif_values() -> dict[str, bytes]:
    return {
        **{f"short {value}": directory(value) for value in (1, 2, 3, 4, 5, 6, 7, 8, 0, 9)},
        "big-endian": directory(order=">"),
        "BYTE": directory(typ=1),
        "LONG": directory(typ=4),
        "SBYTE": directory(typ=6),
        "SSHORT": directory(typ=8),
        "SLONG": directory(typ=9),
        "UNDEFINED": directory(typ=7),
        "ASCII": directory(typ=2, count=2, raw=b"6\0"),
        "RATIONAL": directory(typ=5, raw=struct.pack("<LL", 6, 1)),
        "FLOAT": directory(typ=11, value=6.0),
        "DOUBLE": directory(typ=12, value=6.0),
        "IFD": directory(typ=13, raw=struct.pack("<L", 6)),
        "LONG8": directory(typ=16, raw=struct.pack("<Q", 6)),
        "type 99": directory(typ=99, raw=struct.pack("<L", 6)),
        "two values": directory(count=2),
        "three values": directory(count=3),
        "four bytes": directory(typ=1, count=4),
        "no value": directory(count=0, raw=b""),
        "another tag": directory(tag=0x10F, typ=2, count=2, raw=b"A\0"),
        "truncated": directory()[:14],
    }


def xmp_packets() -> dict[str, bytes]:
    return {
        "attribute": attribute(6),
        "element": element(8),
        "two digits": attribute(66),
        "nine": attribute(9),
        "spaces": attribute(6).replace(b'="6"', b' = "6"'),
        "single quotes": attribute(6).replace(b'"6"', b"'6'"),
        "1 before 6": attribute(1) + attribute(6),
        "UTF-16": attribute(6).decode().encode("utf-16"),
    }


def cropped(file: bytes) -> bytes:
    """A still AVIF whose primary item has a clean aperture (`clap`) of 6 x 4 in its middle, which Pillow passes over."""
    clap = struct.pack(">L4s8L", 40, b"clap", 6, 1, 4, 1, 0, 1, 0, 1)
    data = bytearray(file)
    properties, associations, locations = (data.index(name) - 4 for name in (b"ipco", b"ipma", b"iloc"))
    count = associations + 8 + 4 + 4 + 2  # version and flags, entries, the first item's id
    data[locations + 22 : locations + 26] = struct.pack(">L", struct.unpack_from(">L", data, locations + 22)[0] + 41)
    data[count] += 1
    index = len(boxes_of(bytes(data), properties + 8, associations)) + 1
    data[count + data[count] : count + data[count]] = bytes([0x80 | index])
    data[associations:associations] = clap
    for at, extra in ((associations + 40, 1), (properties, 40), (data.index(b"iprp") - 4, 41), (data.index(b"meta") - 4, 41)):
        data[at : at + 4] = struct.pack(">L", struct.unpack_from(">L", data, at)[0] + extra)
    return bytes(data)


def boxes_of(data: bytes, at: int, end: int) -> list[bytes]:
    found = []
    while at < end:
        size, name = struct.unpack_from(">L4s", data, at)
        found.append(name)
        at += size
    return found


def exif_of(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = value
    return exif


def exif_files() -> dict[str, bytes]:
    files = {}
    for name, exif in exif_values().items():
        files[f"JPEG, EXIF {name}"] = jpeg(exif)
        files[f"PNG, EXIF {name}"] = png((b"eXIf", exif))
        files[f"WebP, EXIF {name}"] = saved("WEBP", lossless=True, exif=exif)
    files["JPEG, EXIF with its prefix twice"] = jpeg(b"Exif\0\0" + directory())
    files["JPEG, EXIF over two segments"] = jpeg(directory(), split=True)
    return files


def xmp_files() -> dict[str, bytes]:
    files = {}
    key = b"XML:com.adobe.xmp\0"
    for name, packet in xmp_packets().items():
        files[f"JPEG, XMP {name}"] = jpeg(None, packet)
        files[f"WebP, XMP {name}"] = saved("WEBP", lossless=True, xmp=packet)
        files[f"PNG, XMP {name} in iTXt"] = png((b"iTXt", key + b"\0\0\0\0" + packet))
        files[f"TIFF, XMP {name}"] = saved("TIFF", tiffinfo={700: packet})
    for name, packet in (("attribute", attribute(6)), ("element", element(8))):
        files[f"PNG, XMP {name} in compressed iTXt"] = png((b"iTXt", key + b"\1\0\0\0" + zlib.compress(packet)))
        files[f"PNG, XMP {name} in tEXt"] = png((b"tEXt", key + packet))
        files[f"PNG, XMP {name} in zTXt"] = png((b"zTXt", key + b"\0" + zlib.compress(packet)))
        files[f"PNG, XMP {name} after the pixels"] = png(after=((b"iTXt", key + b"\0\0\0\0" + packet),))
        files[f"AVIF, XMP {name}"] = saved("AVIF", SMOOTH, xmp=packet, quality=100)
    six = attribute(6)
    files["JPEG, EXIF 3 and XMP 6"] = jpeg(directory(3), six)
    files["JPEG, EXIF 1 and XMP 6"] = jpeg(directory(1), six)
    files["JPEG, EXIF 0 and XMP 6"] = jpeg(directory(0), six)
    files["JPEG, EXIF BYTE and XMP 6"] = jpeg(directory(typ=1), six)
    files["JPEG, EXIF ASCII and XMP 6"] = jpeg(directory(typ=2, count=2, raw=b"6\0"), six)
    files["JPEG, EXIF of another tag and XMP 6"] = jpeg(directory(tag=0x10F, typ=2, count=2, raw=b"A\0"), six)
    files["JPEG, EXIF 6 behind a tag that is cut short, and XMP 8"] = jpeg(behind_a_cut_tag(), attribute(8))
    files["JPEG, EXIF 6 behind a tag of no type, and XMP 8"] = jpeg(behind_a_cut_tag(typ=99), attribute(8))
    files["JPEG, XMP 3 and XMP 6"] = jpeg(None, attribute(3), six)
    gif = saved("GIF", BASE.quantize(16))
    start = 13 + 3 * (2 << (gif[10] & 7))
    files["GIF, XMP 6"] = gif[:start] + b"\x21\xff\x0bXMP DataXMP" + six + b"\x01" + bytes(range(255, -1, -1)) + b"\0" + gif[start:]
    return files


def png_files() -> dict[str, bytes]:
    six = b"Exif\0\0" + directory()
    files = {}
    for name in ("exif", "APP1", "xmp"):
        key = b"Raw profile type " + name.encode() + b"\0"
        files[f"PNG, raw profile {name}"] = png((b"tEXt", key + raw_profile(six, name)))
        files[f"PNG, raw profile {name}, compressed"] = png((b"zTXt", key + b"\0" + zlib.compress(raw_profile(six, name))))
    key = b"Raw profile type exif\0"
    files["PNG, raw profile without a prefix"] = png((b"tEXt", key + raw_profile(directory())))
    files["PNG, raw profile in iTXt"] = png((b"iTXt", key + b"\0\0\0\0" + raw_profile(directory())))
    files["PNG, raw profile 3 and eXIf 6"] = png((b"tEXt", key + raw_profile(directory(3))), (b"eXIf", directory()))
    files["PNG, eXIf after the pixels"] = png(after=((b"eXIf", directory()),))
    files["PNG, raw profile after the pixels"] = png(after=((b"tEXt", key + raw_profile(directory())),))
    files["PNG, EXIF in a text of that name"] = png((b"tEXt", b"exif\0" + directory()))
    return files


def tiff_files() -> dict[str, bytes]:
    files = {}
    for value in (*range(10), 65535):
        files[f"TIFF, {value}"] = saved("TIFF", tiffinfo={274: value})
    files["TIFF, 0 and XMP 6"] = saved("TIFF", tiffinfo={274: 0, 700: attribute(6)})
    files["TIFF, 6, LZW"] = saved("TIFF", tiffinfo={274: 6}, compression="tiff_lzw")
    files["TIFF, 6, BigTIFF"] = saved("TIFF", tiffinfo={274: 6}, big_tiff=True)
    files["TIFF, 3 and XMP 6"] = saved("TIFF", tiffinfo={274: 3, 700: attribute(6)})
    at = files["TIFF, 6"].index(struct.pack("<HHL", 274, 3, 1))
    for name, typ in (("BYTE", 1), ("LONG", 4)):
        files[f"TIFF, 6 as {name}"] = files["TIFF, 6"][: at + 2] + struct.pack("<H", typ) + files["TIFF, 6"][at + 4 :]
    return files


def avif_files() -> dict[str, bytes]:
    files = {}
    for subsampling, sizes in (("4:2:0", ((14, 9), (13, 9), (14, 8))), ("4:2:2", ((13, 9),)), ("4:4:4", ((13, 9),)), ("4:0:0", ((13, 9),))):
        for width, height in sizes:
            for value in range(1, 9):
                image = SMOOTH.crop((0, 0, width, height))
                name = f"AVIF {subsampling}, {value}, {width} x {height}"
                files[name] = saved("AVIF", image, exif=exif_of(value), subsampling=subsampling, quality=100)
    alpha = SMOOTH.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    files["AVIF with alpha, 5"] = saved("AVIF", alpha.crop((0, 0, 13, 9)), exif=exif_of(5), quality=100)
    other = Image.Exif()
    other[0x10F] = "A"
    files["AVIF, EXIF of another tag and XMP 6"] = saved("AVIF", SMOOTH, exif=other, xmp=attribute(6), quality=100)
    files["AVIF, 8 and XMP 6"] = saved("AVIF", SMOOTH, exif=exif_of(8), xmp=attribute(6), quality=100)
    files["AVIF, cropped"] = cropped(saved("AVIF", SMOOTH, quality=100))
    files["AVIF, 6, cropped"] = cropped(saved("AVIF", SMOOTH, exif=exif_of(6), quality=100))
    animation = {"save_all": True, "append_images": [SMOOTH.rotate(180)], "quality": 90}
    files["AVIF sequence"] = saved("AVIF", SMOOTH, **animation)
    files["AVIF sequence with alpha"] = saved("AVIF", alpha, save_all=True, append_images=[alpha.rotate(180)], quality=90)
    return files


def main() -> None:
    warnings.simplefilter("ignore")
    cases = []
    for name, file in {**exif_files(), **xmp_files(), **png_files(), **tiff_files(), **avif_files()}.items():
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGB")
        pixels = base64.b64encode(np.asarray(image).tobytes()).decode()
        cases.append({"name": name, "file": base64.b64encode(file).decode(), "width": image.width, "height": image.height, "pixels": pixels})
    versions = {"pillow": PIL.__version__, "libavif": features.version_module("avif")}
    (Path(__file__).parent / "files.json").write_text(json.dumps({"versions": versions, "cases": cases}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
