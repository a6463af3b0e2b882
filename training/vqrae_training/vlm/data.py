"""Which pictures and questions a step learns from. A step's draw depends on the seed and its number alone: a killed run goes on
with the same ones."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from ..data.easy_vqa import Split, read_easy_vqa
from ..data.sources import Item
from ..errors import UserError
from .batches import Picture
from .config import DataSection
from .features import FeatureSets
from .names import Names
from .nlvr import Example, read_nlvr, split
from .photo_corpus import PhotoCorpus, conversations
from .questions import CAPTION, Turn, easy_vqa_caption, in_words, is_true, nlvr_caption, nlvr_question, true_or_false
from .scene import ORDERS, Box, has_towers
from .statements import telling_apart
from .variants import VARIANTS, VariantPicture

CYCLES = [i for i, order in enumerate(ORDERS) if all((b - a) % 3 == 1 for a, b in zip(order, order[1:], strict=False))]
KINDS = ("photos", "named", "rooms", "easy_vqa", "nlvr")  # of steps
MONITORED = 100  # pictures of easy-VQA's test set, and NLVR's held examples, that progress is shown on


class Corpus:
    """The pictures and questions of all sets. `features` is None while pictures are given in words."""

    def __init__(self, options: DataSection, names: Names | None = None):
        o = options
        rest = 1 - o.photo_share - o.named_share - o.room_share - o.easy_share
        wanted = {"easy_vqa": o.easy_share, "nlvr": rest, "photos": o.photo_share, "named": o.named_share, "rooms": o.room_share}
        for name, share in wanted.items():
            if share > 1e-9 and not getattr(options, name):
                raise UserError(f"Expected --{name.replace('_', '-')} for {share:.0%} of the steps but received none")
        self.options = options
        easy = read_easy_vqa(options.easy_vqa) if options.easy_vqa else None
        self.easy, self.easy_test = (_turns(easy.train), _turns(easy.test)[:MONITORED]) if easy else ([], [])
        self.nlvr, self.held = split(read_nlvr(options.nlvr)) if options.nlvr else ([], [])
        self.photos = PhotoCorpus(options, names)
        self.towers, self.scattered = ([e for e in self.nlvr if has_towers(e.scene) == wanted] for wanted in (True, False))
        self.of_sentence: dict[str, list[Example]] = {}
        for example in self.nlvr:
            self.of_sentence.setdefault(example.sentence, []).append(example)
        self.pictures, self.tiles = _tiles(self.nlvr, options.nlvr_orders)
        self.features: FeatureSets | None = None

    def groups(self) -> dict[str, list[Item | VariantPicture]]:
        """Return every picture that training and progress need, by the name of the folder that keeps its features."""
        easy = [item for item, _ in self.easy + self.easy_test]
        shapes = easy + self.pictures + [e.pictures[0] for e in self.held]
        return ({"shapes": shapes} if shapes else {}) | self.photos.groups()

    def look_at(self, features: FeatureSets) -> None:
        """From now on pictures are features."""
        self.features = self.photos.features = features

    def texts(self, seed: int) -> list[str]:
        """Return the texts that a tokenizer learns its merges from: every question and answer once, and made ones."""
        rng = random.Random(f"{seed}:texts")
        human = [turn for e in self.nlvr for turn in [(e.sentence, e.label)]]
        made = [nlvr_question(e.scene, rng) for e in self.nlvr for _ in range(2)]
        for group in (self.towers, self.scattered):
            told = [telling_apart(rng.choice(group).scene, e.scene, rng) for e in group for _ in range(2)]
            made += [t[:2] for t in told if t]
        asked = [turn for _, turns in self.easy[::4] for turn in turns]
        words = [in_words(e.scene) for e in self.nlvr]
        shapes = [f"user\n{q}\nassistant\n{a}" for q, a in human + made + asked] + words
        return shapes + list(self.photos.texts(rng))

    def draw(self, phase: str, step: int, seed: int) -> tuple[str, list[Picture]]:
        """Return the kind of a step (photos, named, rooms, easy_vqa or nlvr) and its pictures."""
        o = self.options
        rng = random.Random(f"{seed}:{phase}:{step}")
        share = rng.random()
        for kind, wanted in self.photos.shares(self.features is None):
            if share < wanted:
                return kind, self.photos.draw(kind, rng)
            share -= wanted
        if share < o.easy_share:
            asked = rng.sample(range(len(self.easy)), o.easy_pictures)
            return "easy_vqa", [self.easy_picture(*self.easy[i], rng) for i in asked]
        return "nlvr", [picture for _ in range(o.nlvr_pairs) for picture in self.nlvr_pair(rng)]

    def easy_picture(self, item: Item, turns: Sequence[Turn], rng: random.Random) -> Picture:
        caption = easy_vqa_caption(turns)
        asked = rng.sample(turns, min(len(turns), self.options.easy_questions))
        if caption is not None:
            asked.append((rng.choice(CAPTION), caption))
        seen = self.features.of(item.name) if self.features else caption or "a shape"
        return Picture(seen, conversations(asked, self.options.follow, rng))

    def nlvr_pair(self, rng: random.Random) -> list[Picture]:
        """Draw two pictures, and sentences that are each true of one and false of the other: a sentence of NLVR with two of its
        examples in one variant. A share of `mixed` has boxes of six examples, and all its questions are made."""
        first = rng.choice(self.nlvr)
        if rng.random() < self.options.mixed:
            alike = self.towers if has_towers(first.scene) else self.scattered
            scenes = [tuple(self._box(alike, place, rng) for place in range(3)) for _ in range(2)]
            asked: list[list[Turn]] = [[], []]
        else:
            differs = lambda e: e.label != first.label and has_towers(e.scene) == has_towers(first.scene)
            others = list(filter(differs, self.of_sentence[first.sentence]))
            pair, variant = (first, rng.choice(others or [first])), rng.choice(VARIANTS)
            scenes = [self._in_order(tuple(map(variant.box, e.scene)), rng) for e in pair]
            asked = [[true_or_false(variant.sentence(e.sentence), e.label, rng)] for e in pair]
        for _ in range(self.options.statements):
            if told := telling_apart(*scenes, rng):
                for turns, label in zip(asked, told[1:], strict=True):
                    turns.append(true_or_false(told[0], label, rng))
        return [self._picture(scene, turns, rng) for scene, turns in zip(scenes, asked, strict=True)]

    def _box(self, examples: Sequence[Example], place: int, rng: random.Random) -> Box:
        while True:
            box = rng.choice(VARIANTS).box(rng.choice(examples).scene[rng.randrange(3)])
            if (box, place) in self.tiles:
                return box

    def _in_order(self, boxes: tuple[Box, ...], rng: random.Random) -> tuple[Box, ...]:
        orders = [tuple(boxes[i] for i in order) for order in ORDERS]
        return rng.choice([o for o in orders if all((box, place) in self.tiles for place, box in enumerate(o))])

    def _picture(self, scene: tuple[Box, ...], asked: list[Turn], rng: random.Random) -> Picture:
        asked = [*asked, nlvr_caption(scene, rng), *(nlvr_question(scene, rng) for _ in range(self.options.questions))]
        rng.shuffle(asked)
        return Picture(self.seen(scene), conversations(asked, self.options.follow, rng))

    def seen(self, scene: tuple[Box, ...]) -> torch.Tensor | str:
        """Return features [3, t, d] of boxes that training knows, or words while there are none."""
        if self.features is None:
            return in_words(scene)
        places = (self.tiles[box, place] for place, box in enumerate(scene))
        return torch.stack([self.features.of(name)[tile] for name, tile in places])

    def monitored(self) -> dict[str, list[Picture]]:
        """Return easy-VQA's pictures with all their questions, NLVR's held ones with their human sentences, and photos."""
        easy = [Picture(self.features.of(item.name), [[turn] for turn in turns]) for item, turns in self.easy_test]
        held = [Picture(self.features.of(e.pictures[0].name), [[is_true(e.sentence, e.label)]]) for e in self.held]
        return {"easy_vqa": easy, "nlvr": held, **self.photos.monitored()}


Tiles = dict[tuple[Box, int], tuple[str, int]]


def _tiles(examples: list[Example], orders: int) -> tuple[list[VariantPicture], Tiles]:
    """Return pictures that together show every box of the examples in every variant and at `orders` of the three places, and
    where: (box, place) -> (picture's name, its tile)."""
    pictures: list[VariantPicture] = []
    tiles: Tiles = {}
    for turn, variant in enumerate(VARIANTS):
        for example in examples:
            boxes = tuple(map(variant.box, example.scene))
            for order in [CYCLES[(turn + k) % len(CYCLES)] for k in range(orders)]:
                shown = [(boxes[i], place) for place, i in enumerate(ORDERS[order])]
                if all(key in tiles for key in shown):
                    continue
                pictures.append(VariantPicture(example.pictures[order], variant))
                for key in shown:
                    tiles.setdefault(key, (pictures[-1].name, key[1]))
    return pictures, tiles


def _turns(part: Split) -> list[tuple[Item, list[Turn]]]:
    turns: list[list[Turn]] = [[] for _ in part.images]
    for question, answer, row in zip(part.questions, part.answers, part.image_of.tolist(), strict=True):
        turns[row].append((question, answer))
    return list(zip(part.images, turns, strict=True))
