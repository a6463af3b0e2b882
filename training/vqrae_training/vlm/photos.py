"""Photos with captions and rooms with questions: where their files lie, and what is asked about them.

A table `NAME.tsv` beside `NAME.tar` has a line `image TAB caption` for each caption. DAQUAR's folder has train.csv (question,
answer, image_id) and train.tar.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import random
from dataclasses import dataclass, replace
from pathlib import Path

from ..data.captions import read_captions
from ..data.sources import Item, read_source
from ..errors import UserError
from .questions import Turn
from .talk import SHORT, Facts, YesNo, caption_turns, detail_turns, facts, label_turn, unknown_turn

ENOUGH = 3  # captions of a photo before what none of them names is held not to be there
HELD_ROOMS = 10  # one room of so many is held back


@dataclass(frozen=True)
class Photo:
    item: Item
    facts: Facts


@dataclass(frozen=True)
class Room:
    item: Item
    turns: tuple[Turn, ...]


def read_pairs(tar: str | Path) -> list[tuple[Item, list[str]]]:
    """Read a tar of photos and the table of captions beside it. Raises UserError where an image has no caption."""
    table = Path(tar).with_suffix(".tsv")
    if not table.is_file():
        raise UserError(f"Expected a table of captions {table} beside {tar} but received none")
    captions = read_captions(table)
    pairs = [(item, captions.get(item.name, [])) for item in read_source(tar)]
    if bare := next((item.name for item, said in pairs if not said), None):
        raise UserError(f"Expected a caption for every image of {tar} but received none for {bare} in {table}")
    return pairs


def read_captioned(tar: str | Path) -> list[Photo]:
    """Read the same as photos and what is known of them."""
    photos = [Photo(item, facts(said)) for item, said in read_pairs(tar)]
    unsure = lambda f: f if len(f.captions) >= ENOUGH else replace(f, absent=())
    return [Photo(photo.item, unsure(photo.facts)) for photo in photos]


def read_sentences(path: str | Path) -> list[str]:
    """Read a caption a line, from text or gzip."""
    raw = Path(path).read_bytes()
    return [line for line in (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode().splitlines() if line.strip()]


def read_rooms(folder: str | Path) -> tuple[list[Room], list[Room]]:
    """Read DAQUAR's folder. Returns the rooms to train on, and those that a hash of their name holds back."""
    folder = Path(folder)
    if not (folder / "train.csv").is_file():
        raise UserError(f"Expected train.csv and train.tar in DAQUAR's folder but received {folder}")
    asked: dict[str, list[Turn]] = {}
    with open(folder / "train.csv", newline="") as file:
        for row in csv.DictReader(file):
            asked.setdefault(row["image_id"], []).append((f"{row['question'].strip()}?", row["answer"].strip()))
    rooms = [Room(item, tuple(asked.get(Path(item.name).stem, ()))) for item in read_source(folder / "train.tar")]
    held = lambda room: int(hashlib.sha256(room.item.name.encode()).hexdigest(), 16) % HELD_ROOMS == 0
    return [r for r in rooms if r.turns and not held(r)], [r for r in rooms if r.turns and held(r)]


def photo_turns(f: Facts, yes_no: YesNo, pairs: int, rng: random.Random) -> list[Turn]:
    """Draw what is asked about a photo: all its captions, `pairs` of yes and no, colours, numbers, its label."""
    turns = caption_turns(f, rng) + [turn for _ in range(pairs) for turn in yes_no.pair(f, rng)] + detail_turns(f, rng)
    if f.label is not None:
        turns.append(label_turn(*f.label, rng))
    if rng.random() < 0.3:
        turns.append(unknown_turn(rng))
    rng.shuffle(turns)
    return turns


def room_turns(room: Room, most: int, rng: random.Random) -> list[Turn]:
    turns = rng.sample(room.turns, min(most, len(room.turns)))
    return [(f"{question}\n{SHORT}" if rng.random() < 0.3 else question, answer) for question, answer in turns]
