"""easy-VQA (github.com/vzhou842/easy-VQA, MIT): coloured shapes on 64-pixel images, 107 question texts, 13 answers."""

from __future__ import annotations

import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..errors import UserError
from .sources import Item


@dataclass(frozen=True)
class Split:
    """Images and the questions about them."""

    images: list[Item]
    questions: list[str]
    words: list[list[str]]  # of each question
    answers: list[str]
    image_of: Tensor  # int64 [questions]: rows of `images`, ascending


@dataclass(frozen=True)
class EasyVQA:
    train: Split
    test: Split
    answers: list[str]  # the answers to choose from, sorted


def read_easy_vqa(path: str | Path, train_images: int | None = None, test_images: int | None = None) -> EasyVQA:
    """Read the repository's uncompressed tar: `.../data/answers.txt` and `.../data/{train,test}/{questions.json,images}`.

    `train_images` and `test_images` take the first so many images of a split, which are drawn independently, and the
    questions about them. Raises UserError for any other file.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"Expected the tar of the easy-VQA repository for --vqa but received {path}")
    try:
        with tarfile.open(path, "r:") as tar:
            members = {m.name: m for m in tar if m.isfile()}
            listing = next((name for name in sorted(members) if name.endswith("data/answers.txt")), None)
            if listing is None:
                raise UserError(f"Expected a file data/answers.txt in {path} but received {', '.join(sorted(members)[:5])}")
            root = listing.removesuffix("answers.txt")
            answers = sorted(_text(tar, members[listing]).split())
            names = ("train", "test")
            questions = {n: json.loads(_text(tar, _member(members, f"{root}{n}/questions.json", path))) for n in names}
    except tarfile.ReadError as error:
        raise UserError(f"Expected an uncompressed tar for {path} but received: {error}") from None

    def split(name: str, limit: int | None) -> Split:
        rows = sorted((q for q in questions[name] if limit is None or q[2] < limit), key=lambda q: q[2])
        if unknown := {answer for _, answer, _ in rows} - set(answers):
            raise UserError(f"Expected answers of answers.txt for {path} but received {sorted(unknown)}")
        ids = sorted({image for _, _, image in rows})
        files = [_member(members, f"{root}{name}/images/{i}.png", path) for i in ids]
        images = [Item(m.name, "", str(path), m.offset_data, m.size) for m in files]
        row_of = {image: row for row, image in enumerate(ids)}
        words = [re.findall(r"\w+", question.lower()) for question, _, _ in rows]
        image_of = torch.tensor([row_of[i] for _, _, i in rows])
        return Split(images, [q for q, _, _ in rows], words, [a for _, a, _ in rows], image_of)

    return EasyVQA(split("train", train_images), split("test", test_images), answers)


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    return tar.extractfile(member).read().decode()  # type: ignore[union-attr]


def _member(members: dict[str, tarfile.TarInfo], name: str, path: Path) -> tarfile.TarInfo:
    if name not in members:
        raise UserError(f"Expected {name} in {path} but received a tar without it")
    return members[name]
