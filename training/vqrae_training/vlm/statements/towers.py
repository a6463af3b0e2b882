"""Sentences about boxes with a tower of blocks each. Each maker returns (text, whether it holds)."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..scene import COLOUR_NAMES, Box
from .words import WORDS, Scene, Statement, a, count, number, there

WITH = ("with", "with", "having", "which has", "that has")
OVER = ("over", "above", "on", "on top of")
Condition = tuple[str, Callable[[Box], bool]]  # `a blue block at the base`, and which towers it holds of


def _end(rng: random.Random) -> tuple[str, Callable[[Box], str]]:
    """Choose an end of a tower. Returns (where, the colour of a tower's block there)."""
    if rng.random() < 0.5:
        return rng.choice(("at the top", "at the top", "as the top")), lambda b: b[-1].colour
    return rng.choice(("at the base", "at the base", "at base", "at the bottom")), lambda b: b[0].colour


def _has(colour: str, rng: random.Random) -> Condition:
    number_of = count(rng, 3)
    counted = lambda b: sum(t.colour == colour for t in b)
    return rng.choice(
        (
            (f"{a(colour)} block", lambda b: counted(b) > 0),
            (f"at least {number(1, rng)} {colour} block", lambda b: counted(b) > 0),
            (f"{number_of.text} {colour} block{number_of.plural}", lambda b: number_of.holds(counted(b))),
        )
    )


def _over(one: str, other: str, rng: random.Random) -> Condition:
    above = lambda b: any(x.colour == other and y.colour == one for x, y in zip(b, b[1:], strict=False))
    if rng.random() < 0.25:
        return f"{a(other)} block {rng.choice(('below', 'under'))} {a(one)} block", above
    return f"{a(one)} block {rng.choice(OVER)} {a(other)} block", above


def _condition(rng: random.Random) -> Condition:
    one, other, third = rng.sample(COLOUR_NAMES, 3)
    case = rng.randrange(10)
    if case < 3:
        where, colour_at = _end(rng)
        return f"{a(one)} block {where}", lambda b: colour_at(b) == one
    if case < 5:
        return _has(one, rng)
    if case < 7:
        return _over(one, rng.choice(COLOUR_NAMES), rng)
    middle = lambda b: any(t.colour == one for t in b[1:-1])
    second = lambda b: len(b) > 1 and b[1].colour == one
    n = rng.randint(2, 3)
    runs = lambda b: any(all(t.colour == one for t in b[i : i + n]) for i in range(len(b) - n + 1))
    return rng.choice(
        (
            (f"{a(one)} block in the middle", middle),
            (f"{a(one)} block as the second block from the base", second),
            (f"{number(n, rng)} {one} blocks stacked together", runs),
            (f"only {one} and {other} blocks", lambda b: {t.colour for t in b} == {one, other}),
            (f"only {one} blocks", lambda b: {t.colour for t in b} == {one}),
            ("blocks of all three colors", lambda b: len({t.colour for t in b}) == 3),
            (f"{a(one)} block, {a(other)} block and {a(third)} block", lambda b: len({t.colour for t in b}) == 3),
            ("all the blocks of the same color", lambda b: len({t.colour for t in b}) == 1),
            (f"{a(one)} block and {a(other)} block", lambda b: {one, other} <= {t.colour for t in b}),
        )
    )


def _height(rng: random.Random) -> Condition:
    number_of = count(rng, 4)
    return f"{number_of.text} block{number_of.plural}", lambda b: number_of.holds(len(b))


def towers_of_height(scene: Scene, rng: random.Random) -> Statement:
    text, holds = _height(rng)
    return there(lambda plural: f"tower{plural} {rng.choice(WITH)} {text}", sum(map(holds, scene)), rng)


def towers_with(scene: Scene, rng: random.Random) -> Statement:
    text, holds = _condition(rng)
    return there(lambda plural: f"tower{plural} {rng.choice(WITH)} {text}", sum(map(holds, scene)), rng)


def towers_of_height_with(scene: Scene, rng: random.Random) -> Statement:
    (height, tall), (text, holds) = _height(rng), _condition(rng)
    hits = sum(tall(b) and holds(b) for b in scene)
    return there(
        lambda plural: f"tower{plural} with {height} {rng.choice((*WITH, 'where there is'))} {text}", hits, rng, no=False
    )


def the_tower_of_height(scene: Scene, rng: random.Random) -> Statement:
    """Say `the tower with exactly four blocks has a blue block over a black block`."""
    n, (text, holds) = rng.randint(1, 4), _condition(rng)
    height = f"{rng.choice(('exactly ', ''))}{number(n, rng)} block{'' if n == 1 else 's'}"
    return f"the tower with {height} has {text}", any(len(b) == n and holds(b) for b in scene)


def ends_of_towers(scene: Scene, rng: random.Random) -> Statement:
    """Say `there are two blue blocks as the base of a tower`, or `... of a tower with at least three blocks`."""
    colour, (height, tall) = rng.choice(COLOUR_NAMES), _height(rng)
    end, at = rng.choice((("base", 0), ("top", -1)))
    any_height = rng.random() < 0.5
    hits = sum(b[at].colour == colour and (any_height or tall(b)) for b in scene)
    tower = "a tower" if any_height else f"a tower with {height}"
    return there(lambda plural: f"{colour} block{plural} as the {end} of {tower}", hits, rng)


def the_end_of_a_tower(scene: Scene, rng: random.Random) -> Statement:
    colour, n = rng.choice(COLOUR_NAMES), rng.randint(1, 4)
    end, at = rng.choice((("base", 0), ("top", -1)))
    text = f"the {end} of a {WORDS[n]} block{rng.choice(('', 's'))} tower is {colour}"
    return text, any(len(b) == n and b[at].colour == colour for b in scene)


def blocks_anywhere(scene: Scene, rng: random.Random) -> Statement:
    colour = rng.choice(COLOUR_NAMES)
    return there(lambda plural: f"{colour} block{plural}", sum(t.colour == colour for b in scene for t in b), rng, most=5)


def blocks_over_blocks(scene: Scene, rng: random.Random) -> Statement:
    text, holds = _over(rng.choice(COLOUR_NAMES), rng.choice(COLOUR_NAMES), rng)
    found = any(map(holds, scene))
    words = text.removeprefix("a ")
    case = rng.randrange(3)
    subject = (f"a {words}", f"at least one {words}", f"no {words}")[case]
    return f"there is {subject}", found != (case == 2)


def coloured_towers(scene: Scene, rng: random.Random) -> Statement:
    colour, n = rng.choice(COLOUR_NAMES), rng.randint(1, 3)
    with_height = rng.random() < 0.5
    hits = sum({t.colour for t in b} == {colour} and (not with_height or len(b) == n) for b in scene)
    blocks = f" with {rng.choice(('only ', ''))}{number(n, rng)} block{'' if n == 1 else 's'}" if with_height else ""
    return there(lambda plural: f"{colour} tower{plural}{blocks}", hits, rng, no=False)


def all_towers(scene: Scene, rng: random.Random) -> Statement:
    text, holds = _has(rng.choice(COLOUR_NAMES), rng)
    subject = rng.choice(("all the towers have", "all 3 towers have", "all towers contain"))
    return f"{subject} {text}", all(map(holds, scene))


def towers_compared(scene: Scene, rng: random.Random) -> Statement:
    heights = [len(b) for b in scene]
    at, name = rng.choice(((0, "base"), (-1, "top")))
    ends = len({b[at].colour for b in scene})
    return rng.choice(
        (
            ("there are two towers with the same height", len(set(heights)) < 3),
            ("there are at least two towers with the same height", len(set(heights)) < 3),
            ("all the towers have the same height", len(set(heights)) == 1),
            (f"there are at least two towers with the same color at the {name}", ends < 3),
            (f"the {name}s of the three towers are the same in color", ends == 1),
            (f"the {name} of the three towers are not the same in colors", ends > 1),
        )
    )


TOWERS = (
    towers_of_height,
    towers_with,
    towers_with,
    towers_with,
    towers_of_height_with,
    towers_of_height_with,
    the_tower_of_height,
    ends_of_towers,
    ends_of_towers,
    the_end_of_a_tower,
    blocks_anywhere,
    blocks_over_blocks,
    coloured_towers,
    all_towers,
    towers_compared,
)
