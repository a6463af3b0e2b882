"""Where images come from: folders, tars and globs of tars (webdataset shards). Nothing here decodes or keeps an image."""

from __future__ import annotations

import glob
import io
import re
import tarfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from ..errors import UserError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class Item:
    """One encoded image: its name inside the source, its label (the parent folder's name) and where its bytes lie."""

    name: str
    label: str
    file: str
    offset: int = 0
    size: int = -1  # -1: the whole file

    @property
    def data(self) -> bytes:
        with open(self.file, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size)

    def open(self) -> Image.Image:
        try:
            return Image.open(io.BytesIO(self.data)).convert("RGB")
        except Exception as error:
            raise ValueError(f"Expected a readable image for {self.name} but received {self.file}: {error}") from error


def read_source(path: str | Path) -> list[Item]:
    """List all images of a folder, a tar or a glob of tars. They are sorted by name: a run's order never depends on the disk."""
    path = Path(path)
    if path.is_dir():
        files = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES]
        items = [Item(str(p.relative_to(path)), p.parent.name, str(p)) for p in files]
    elif path.is_file():
        items = _read_tar(path)
    elif shards := sorted(glob.glob(str(path))):
        items = [item for shard in shards for item in _read_tar(Path(shard))]
    else:
        raise UserError(f"Expected a folder or tar of images but received {path}, which is neither")
    if not items:
        raise UserError(f"Expected at least one image for {path} but received none ({', '.join(sorted(SUFFIXES))})")
    return items


def _read_tar(path: Path) -> list[Item]:
    try:
        with tarfile.open(path, "r:") as tar:  # uncompressed: images are read in place
            members = [m for m in tar if m.isfile() and PurePosixPath(m.name).suffix.lower() in SUFFIXES]
    except tarfile.ReadError as error:
        raise UserError(f"Expected an uncompressed tar of images for {path} but received: {error}") from None
    parent = lambda name: PurePosixPath(name).parent.name
    return [Item(m.name, parent(m.name), str(path), m.offset_data, m.size) for m in sorted(members, key=lambda m: m.name)]


def write_tar(members: Iterable[tuple[str, bytes]], path: Path) -> None:
    """Write images' bytes under their names, whole or not at all. The file has no dates, so that it depends on them alone."""
    partial = path.with_suffix(".partial")
    with tarfile.open(partial, "w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    partial.rename(path)


def read_sources(specs: tuple[str, ...] | list[str]) -> tuple[list[Item], list[int]]:
    """Read "PATH" or "PATH*N" specs. Returns the images, and how many views of each an epoch holds."""
    items: list[Item] = []
    repeats: list[int] = []
    for spec in specs:
        match = re.fullmatch(r"(.+)\*(\d+)", spec)
        path, times = (match[1], int(match[2])) if match else (spec, 1)
        source = read_source(path)
        items += source
        repeats += [times] * len(source)
    return items, repeats


def spread(items: list[Any], limit: int | None) -> list[Any]:
    """Take at most `limit` items, evenly over the list. A list that is sorted by class gives some of every class."""
    if limit is None or limit >= len(items):
        return items
    return [items[i * len(items) // limit] for i in range(limit)]


def unreadable(items: list[Item], threads: int = 4) -> list[tuple[Item, str]]:
    """Return the images that do not decode to their end, with the reason. JPEGs decode fast, at an eighth of their size."""

    def problem(item: Item) -> str | None:
        try:
            image = Image.open(io.BytesIO(item.data))
            image.draft("RGB", (image.width // 8, image.height // 8))
            image.load()
        except Exception as error:
            return str(error) or type(error).__name__
        return None

    with ThreadPoolExecutor(threads) as pool:
        return [(item, why) for item, why in zip(items, pool.map(problem, items), strict=True) if why]
