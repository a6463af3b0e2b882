"""NLVR (lil.nlp.cornell.edu/nlvr, CC BY 4.0): sentences that are true or false of pictures. We read its dev and hidden parts."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ..data.sources import Item, read_source
from ..errors import UserError
from .scene import Box, read_scene

PARTS = ("dev", "hidden")
HELD_SHARE = 5  # one group of so many is held back


@dataclass(frozen=True)
class Example:
    sentence: str
    label: str  # true, false
    name: str  # part-presentation-position
    scene: tuple[Box, ...]  # of the first picture
    pictures: tuple[Item, ...]  # six, their boxes in the orders of scene.ORDERS


def read_nlvr(folder: str | Path) -> list[Example]:
    """Read the repository's folder with dev/ and hidden/, which each hold a JSON-lines file and images/."""
    folder, examples = Path(folder), []
    for part in PARTS:
        file = folder / part / f"{part}.json"
        if not file.is_file():
            raise UserError(f"Expected {part}/{part}.json in the folder of NLVR but received {folder}")
        found = {Path(item.name).stem: item for item in read_source(folder / part / "images")}
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            name = f"{part}-{row['identifier']}"
            missing = [f"{name}-{k}.png" for k in range(6) if f"{name}-{k}" not in found]
            if missing:
                raise UserError(f"Expected {missing[0]} under {folder / part / 'images'} but received nothing")
            pictures = tuple(found[f"{name}-{k}"] for k in range(6))
            examples.append(Example(row["sentence"].strip(), row["label"], name, read_scene(row["structured_rep"]), pictures))
    return examples


def split(examples: list[Example]) -> tuple[list[Example], list[Example]]:
    """Split into (train, held). Examples that share a presentation (its four pictures) or a sentence (without letter case and
    full stop) are one group. A group lies on one side, which a hash of its first name decides."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    keys = [(e.name.rpartition("-")[0], "sentence " + _plain(e.sentence)) for e in examples]
    for presentation, sentence in keys:
        a, b = sorted((root(presentation), root(sentence)))
        parent[b] = a
    held = [int(hashlib.sha256(root(p).encode()).hexdigest(), 16) % HELD_SHARE == 0 for p, _ in keys]
    return [e for e, h in zip(examples, held, strict=True) if not h], [e for e, h in zip(examples, held, strict=True) if h]


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().strip(" .").split())


def main(argv: list[str] | None = None) -> None:
    """Print the names of the held examples, which no training has seen, as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("nlvr", help="the folder of NLVR's repository, with dev and hidden")
    _, held = split(read_nlvr(parser.parse_args(argv).nlvr))
    print(json.dumps([e.name for e in held]))
