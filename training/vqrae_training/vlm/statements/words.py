"""The parts of sentences: numbers, things, and claims that there are so many of something."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from ..scene import COLOUR_NAMES, SHAPES, Box, Thing

Scene = tuple[Box, ...]
Statement = tuple[str, bool]
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")


class Count(NamedTuple):
    text: str  # "exactly two"
    plural: str  # the ending of what is counted: "" or "s"
    holds: Callable[[int], bool]


class Kind(NamedTuple):
    adjectives: str
    noun: str
    of: Callable[[Thing], bool]

    def named(self, plural: str = "") -> str:
        return squeeze(f"{self.adjectives} {self.noun}{plural}")


def squeeze(text: str) -> str:
    return " ".join(text.split())


def a(text: str) -> str:
    return ("an " if text[0] in "aeio" else "a ") + text


def number(n: int, rng: random.Random) -> str:
    return rng.choice((WORDS[n], WORDS[n], str(n)))


def count(rng: random.Random, most: int, loose: bool = True) -> Count:
    """Choose a count. A number alone means exactly that many, as in NLVR. loose: allow "at least" and "at most" too."""
    n = rng.randint(1, most)
    kinds = ("exactly", "exactly", "only", "", "", *(("at least", "at least", "at most", "atleast") if loose else ()))
    kind = rng.choice(kinds)
    tests = {"at least": lambda k: k >= n, "atleast": lambda k: k >= n, "at most": lambda k: k <= n}
    return Count(squeeze(f"{kind} {number(n, rng)}"), "" if n == 1 else "s", tests.get(kind, lambda k: k == n))


def kind(rng: random.Random, any_thing: bool = True, size: float = 0.1) -> Kind:
    """Choose a kind of thing. any_thing: it may also be all items, of any colour and shape. size: how often to name the size."""
    colour = rng.choice((*COLOUR_NAMES, *COLOUR_NAMES, None))
    shape = rng.choice((*SHAPES, None, None))
    large = rng.choice(("small", "medium", "big")) if rng.random() < size else None
    if not any_thing and colour is None and shape is None:
        colour = rng.choice(COLOUR_NAMES)
    fits = lambda value, wanted: wanted is None or value == wanted
    of = lambda t: fits(t.colour, colour) and fits(t.shape, shape) and fits(t.size, large)
    return Kind(" ".join(w for w in (large, colour) if w), shape or rng.choice(("item", "object")), of)


def there(name: Callable[[str], str], hits: int, rng: random.Random, most: int = 3, no: bool = True) -> Statement:
    """Say `there is a ...`, `there are exactly two ...` or `there is no ...`. `name` takes the plural's ending."""
    case = rng.random()
    if case < 0.3:
        return f"there is {a(name(''))}", hits > 0
    if case < 0.42 and no:
        return f"there is no {name('')}", hits == 0
    if case < 0.55:
        return f"there is {rng.choice(('at least', 'at least', 'atleast'))} {number(1, rng)} {name('')}", hits > 0
    number_of = count(rng, most)
    verb = "are" if number_of.plural else "is"
    return f"there {verb} {number_of.text} {name(number_of.plural)}", number_of.holds(hits)


def box(rng: random.Random) -> str:
    return rng.choice(("box", "box", "box", "grey box", "grey square"))
