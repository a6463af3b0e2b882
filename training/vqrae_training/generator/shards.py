"""Captioned photos from shards: what `vqrae tokenize photos.tar --out tokens --tar` wrote, beside a table of captions.

    python -m vqrae_training generator ids --captioned tokens captions.tsv ...

`shards/*.ids.tar` holds `<key>.ids.npy` for each image, with one or more views. A key is the image's name, and of an image from a
tar only what stands before the first dot of its file name, as in webdataset. The table has the names with or without that ending.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ..data.captions import read_captions
from ..errors import UserError

ENDING = ".ids.npy"


@dataclass(frozen=True)
class Captioned:
    """One view of a captioned photo. name: the shard's key."""

    name: str
    split: str  # "train" or "val"
    view: int = 0


@dataclass(frozen=True)
class CaptionedShards:
    items: list[Captioned]
    ids: np.ndarray  # int16 [n, t]
    captions: dict[str, list[str]]  # by name


def read_captioned_shards(folder: str | Path, table: str | Path, split: str, tokens: int, codes: int) -> CaptionedShards:
    """Read all images of the shards under `folder` that have a caption; those that could not be encoded are passed over.

    tokens, codes: what the tokenizer gives an image. Raises UserError for shards of another tokenizer, or without a captioned
    image.
    """
    folder = Path(folder)
    tars = sorted((folder / "shards").glob("*.ids.tar"))
    if not tars:
        raise UserError(f"Expected shards/*.ids.tar in {folder} but received none: write them by `vqrae tokenize ... --tar`")
    said = read_captions(table)
    captions = said | {key_of(name): of for name, of in said.items()}
    items: list[Captioned] = []
    rows: list[np.ndarray] = []
    for path in tars:
        with tarfile.open(path) as tar:
            for member in tar:
                key = member.name.removesuffix(ENDING)
                if not member.name.endswith(ENDING) or key not in captions:
                    continue
                views = np.load(io.BytesIO(tar.extractfile(member).read())).reshape(-1)
                if views.size % tokens or (views.size and views.max() >= codes):
                    found = f"{views.size} ids up to {views.max()} of {key} in {path}"
                    raise UserError(f"Expected views of {tokens} ids below {codes} but received {found}: of another tokenizer?")
                items += [Captioned(key, split, view) for view in range(views.size // tokens)]
                rows += list(views.reshape(-1, tokens).astype(np.int16))
    if not items:
        raise UserError(f"Expected captions of the images in {folder} for {table} but received none of them")
    return CaptionedShards(items, np.stack(rows), {item.name: captions[item.name] for item in items})


def key_of(name: str) -> str:
    """Return the webdataset key of a file: its path up to the first dot of its name."""
    path = PurePosixPath(name)
    return str(path.with_name(path.name.split(".")[0]))
