"""Which photos, rooms and named pictures a step learns from, and what is asked about them. A draw depends on its random generator
alone."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..data.sources import Item, read_source, spread
from .batches import Picture
from .config import DataSection
from .features import FeatureSets
from .names import Names
from .photo_words import keywords, sentence
from .photos import Photo, Room, photo_turns, read_captioned, read_rooms, read_sentences, room_turns
from .questions import Turn
from .talk import CAPTION_ASKED, SHORT, YesNo, caption_turns, facts, label_turn, unknown_turn, yes_or_no

MONITORED = 100  # photos and rooms that progress is shown on


class PhotoCorpus:
    """`features` is None while photos are given in words."""

    def __init__(self, options: DataSection, names: Names | None):
        self.options, self.names = options, names
        sources = {f"photos-{Path(tar).stem}": read_captioned(tar) for tar in options.photos}
        self.sources = {name: [photo.item for photo in photos] for name, photos in sources.items()}
        self.photos = [photo for photos in sources.values() for photo in photos]
        self.val = spread(read_captioned(options.val_photos), MONITORED) if options.val_photos else []
        self.sentences = read_sentences(options.sentences) if options.sentences else []
        self.named = [item for path in options.named for item in spread(read_source(path), options.named_most)]
        self.rooms, self.held_rooms = read_rooms(options.rooms) if options.rooms else ([], [])
        self.yes_no = YesNo([photo.facts for photo in self.photos])
        self.features: FeatureSets | None = None

    def groups(self) -> dict[str, list[Item]]:
        """Return the pictures whose features are kept, by the name of their folder."""
        every = {
            **self.sources,
            "val-photos": [p.item for p in self.val],
            "named": self.named,
            "rooms": [r.item for r in self.rooms + self.held_rooms],
        }
        return {name: items for name, items in every.items() if items}

    def texts(self, rng: random.Random) -> Iterable[str]:
        """Yield the texts that a tokenizer learns from."""
        for photo in self.photos:
            yield from (f"user\n{q}\nassistant\n{a}" for q, a in photo_turns(photo.facts, self.yes_no, 1, rng))
        yield from map(sentence, self.sentences)
        yield from (f"user\n{q}\nassistant\n{a}" for room in self.rooms for q, a in room.turns)
        if self.names:
            yield from (f"assistant\n{label_turn(*name, rng)[1]}" for name in self.names.all for _ in range(3))

    def shares(self, in_words: bool) -> list[tuple[str, float]]:
        """Return each kind of step and its share. Only photos can be told in words: then they have the share of all."""
        o = self.options
        if in_words:
            return [("photos", o.photo_share + o.named_share + o.room_share)]
        return [("photos", o.photo_share), ("named", o.named_share), ("rooms", o.room_share)]

    def draw(self, kind: str, rng: random.Random) -> list[Picture]:
        o = self.options
        if kind == "named":
            return [p for item in rng.sample(self.named, min(o.named_each, len(self.named))) if (p := self._named(item, rng))]
        if kind == "rooms":
            return [self._room(room, rng) for room in rng.sample(self.rooms, min(o.rooms_each, len(self.rooms)))]
        if self.features is None and self.sentences and rng.random() < 0.5:
            return [
                self._told(sentence, rng) for sentence in rng.sample(self.sentences, min(o.sentences_each, len(self.sentences)))
            ]
        return [self._photo(photo, rng) for photo in rng.sample(self.photos, min(o.photos_each, len(self.photos)))]

    def _photo(self, photo: Photo, rng: random.Random) -> Picture:
        f = photo.facts
        if self.features is None:
            seen = rng.choice(f.captions) if rng.random() < 0.5 else _in_words(rng.choice(f.captions), rng)
        else:
            seen = self.features.of(photo.item.name)
            label = self.names.of(self.features.class_token(photo.item.name), self.options.sure) if self.names else None
            f = replace(f, label=label)
        return Picture(seen, self._conversations(photo_turns(f, self.yes_no, self.options.photo_pairs, rng), rng))

    def _told(self, caption: str, rng: random.Random) -> Picture:
        f = facts([caption])
        turns = caption_turns(f, rng) + self.yes_no.pair(f, rng)
        return Picture(_in_words(caption, rng), self._conversations(turns, rng))

    def _named(self, item: Item, rng: random.Random) -> Picture | None:
        name = self.names.of(self.features.class_token(item.name), self.options.sure)
        if name is None:
            return None
        turns = [label_turn(*name, rng)]
        if rng.random() < 0.1:
            turns.append(unknown_turn(rng))
        return Picture(self.features.of(item.name), self._conversations(turns, rng))

    def _room(self, room: Room, rng: random.Random) -> Picture:
        return Picture(
            self.features.of(room.item.name), self._conversations(room_turns(room, self.options.room_questions, rng), rng)
        )

    def _conversations(self, turns: Sequence[Turn], rng: random.Random) -> list[list[Turn]]:
        return conversations(turns, self.options.follow, rng)

    def monitored(self) -> dict[str, list[Picture]]:
        """Return what progress is shown on: captions, yes and no of photos, and held rooms."""
        rng = random.Random("monitored")
        captions, yes_no, rooms = [], [], []
        for photo in self.val:
            seen, f = self.features.of(photo.item.name), photo.facts
            captions.append(Picture(seen, [[(CAPTION_ASKED[0], caption)] for caption in f.captions]))
            asked = []
            for kind in ("random", "popular", "adversarial"):
                other = self.yes_no.absent(f, kind, rng)
                if f.there and other:
                    asked += [yes_or_no(rng.choice(f.there), True, rng), yes_or_no(other, False, rng)]
            if asked:
                yes_no.append(Picture(seen, [[(q.split("\n")[0] + f"\n{SHORT}", a.split(",")[0])] for q, a in asked]))
        for room in self.held_rooms:
            rooms.append(Picture(self.features.of(room.item.name), [[turn] for turn in room.turns]))
        return {"captions": captions, "yes_no": yes_no, "rooms": rooms}


def _in_words(caption: str, rng: random.Random) -> str:
    """Return the words of a caption that carry its meaning, in any order and some left out: what a photo tells at most."""
    kept = [word for word in keywords(caption) if rng.random() < 0.9]
    rng.shuffle(kept)
    return ", ".join(kept) or "a photo"


def conversations(turns: Sequence[Turn], follow: float, rng: random.Random) -> list[list[Turn]]:
    """Group turns into conversations, mostly of one turn. With probability `follow`, a turn goes on with the conversation
    before."""
    made: list[list[Turn]] = []
    for turn in turns:
        if made and rng.random() < follow:
            made[-1].append(turn)
        else:
            made.append([turn])
    return made
