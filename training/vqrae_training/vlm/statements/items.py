"""Sentences about boxes of scattered items. Each maker returns (text, whether it holds)."""

from __future__ import annotations

import random

from ..scene import COLOUR_NAMES, Box
from .words import Scene, Statement, a, box, count, kind, number, squeeze, there

SIDES = {
    "left": ("the left wall", "left wall of a box"),
    "right": ("the right wall", "right wall of a box"),
    "top": ("the top", "the top of a box", "the top edge"),
    "bottom": ("the bottom", "the bottom of a box", "the bottom edge", "the base", "the bottom base"),
}
EDGE = ("the edge", "an edge", "any edge", "the wall", "the side")
CORNER = ("a corner", "the corner", "a corner of a box", "a box corner")


def items_in_a_box(scene: Scene, rng: random.Random) -> Statement:
    number_of, of = count(rng, 5), kind(rng)
    return f"there is a box with {number_of.text} {of.named(number_of.plural)}", any(
        number_of.holds(sum(map(of.of, b))) for b in scene
    )


def one_of_the_boxes(scene: Scene, rng: random.Random) -> Statement:
    number_of, of = count(rng, 7, loose=False), kind(rng)
    subject = f"one of the grey {rng.choice(('square', 'squares', 'box', 'boxes'))}"
    text = f"{subject} {rng.choice(('has', 'contains'))} {number_of.text} {of.named(number_of.plural)}"
    return text, any(number_of.holds(sum(map(of.of, b))) for b in scene)


def items_anywhere(scene: Scene, rng: random.Random) -> Statement:
    of = kind(rng)
    return there(of.named, sum(of.of(t) for b in scene for t in b), rng, most=6)


def boxes_with(scene: Scene, rng: random.Random) -> Statement:
    """Say that there are so many boxes with something in them."""
    number_of, of = count(rng, 3), kind(rng, any_thing=False)
    what, holds = rng.choice(
        (
            (a(of.named()), lambda k: k > 0),
            (f"{number_of.text} {of.named(number_of.plural)}", number_of.holds),
            (f"{number_of.text} {of.named(number_of.plural)}", number_of.holds),
        )
    )
    return there(lambda plural: f"box{'es' if plural else ''} with {what}", sum(holds(sum(map(of.of, b))) for b in scene), rng)


def every_box(scene: Scene, rng: random.Random) -> Statement:
    of = kind(rng, any_thing=False)
    touching, where = rng.random() < 0.3, rng.choice(EDGE)
    hits = sum(any(of.of(t) and (t.walls or not touching) for t in b) for b in scene)
    least = rng.choice((a(of.named()), f"{rng.choice(('at least', 'atleast'))} {number(1, rng)} {of.named()}"))
    what = f"{rng.choice(('contains', 'has'))} {least}{f' touching {where}' if touching else ''}"
    case = rng.randrange(4)
    subject = (f"each {box(rng)}", f"every {box(rng)}", "one of the grey squares", "none of the boxes")[case]
    return f"{subject} {what}", (hits == 3, hits == 3, hits >= 1, hits == 0)[case]


def _colours(b: Box) -> set[str]:
    return {t.colour for t in b}


def boxes_of_colours(scene: Scene, rng: random.Random) -> Statement:
    one, other = rng.sample(COLOUR_NAMES, 2)
    text, test = rng.choice(
        (
            (f"only {one} items", lambda b: _colours(b) == {one}),
            (f"items of only {one} color", lambda b: _colours(b) == {one}),
            (f"items of only {one} and {other} color", lambda b: _colours(b) == {one, other}),
            (f"only {one} and {other} items", lambda b: _colours(b) == {one, other}),
            ("items of only one color", lambda b: len(_colours(b)) == 1),
            ("all 3 different colors", lambda b: len(_colours(b)) == 3),
            ("items of 2 different colors", lambda b: len(_colours(b)) == 2),
            (f"no {one} item", lambda b: one not in _colours(b)),
            (f"{a(one)} item and no {other} item", lambda b: one in _colours(b) and other not in _colours(b)),
        )
    )
    return there(lambda plural: f"box{'es' if plural else ''} with {text}", sum(map(test, scene)), rng, no=False)


def so_many_of_colours(scene: Scene, rng: random.Random) -> Statement:
    """Say `there is a box with 3 items of all 3 different colors`."""
    one, other = rng.sample(COLOUR_NAMES, 2)
    number_of = count(rng, 6)
    items = f"{number_of.text} item{number_of.plural}"
    part = count(rng, 3)
    text, test = rng.choice(
        (
            ("", lambda b: True),
            ("of all 3 different colors", lambda b: len(_colours(b)) == 3),
            (f"of only {one} and {other} color", lambda b: _colours(b) == {one, other}),
            (f"with only {one} and {other} color", lambda b: _colours(b) == {one, other}),
            (f"of {rng.choice(('two', '2'))} different colors", lambda b: len(_colours(b)) == 2),
            (f"of which {part.text} is {one}", lambda b: part.holds(sum(t.colour == one for t in b))),
            (f"and {a(one)} one touching the wall", lambda b: any(t.colour == one and t.walls for t in b)),
            (f"and {a(one)} {rng.choice(('item', 'one'))} on top", lambda b: _top(b).colour == one),
        )
    )
    return squeeze(f"there is a box with {items} {text}"), any(number_of.holds(len(b)) and test(b) for b in scene)


def _top(b: Box):
    return min(b, key=lambda t: t.y)


def items_on_top(scene: Scene, rng: random.Random) -> Statement:
    of = kind(rng, any_thing=False)
    hits = sum(of.of(_top(b)) for b in scene)
    return there(lambda plural: f"box{'es' if plural else ''} with {a(of.named())} on top", hits, rng, no=False)


def two_kinds_in_a_box(scene: Scene, rng: random.Random) -> Statement:
    one, other = kind(rng, any_thing=False), kind(rng, any_thing=False)
    number_of = count(rng, 3)
    if rng.random() < 0.5:
        second, holds = a(other.named()), lambda k: k > 0
    else:
        second, holds = f"{number_of.text} {other.named(number_of.plural)}", number_of.holds
    text = f"there is a {rng.choice(('box with', 'box with', 'box, which has', 'box that has'))} {a(one.named())} and {second}"
    return text, any(any(map(one.of, b)) and holds(sum(map(other.of, b))) for b in scene)


def one_over_another(scene: Scene, rng: random.Random) -> Statement:
    one, other = kind(rng, any_thing=False, size=0), kind(rng, any_thing=False, size=0)
    hits = any(one.of(t) and any(other.of(u) and t.y < u.y for u in b) for b in scene for t in b)
    return f"there is {rng.choice((a(one.named()), f'at least one {one.named()}'))} above {a(other.named())}", hits


def items_at_a_wall(scene: Scene, rng: random.Random) -> Statement:
    of = kind(rng, size=0.05)
    things = [t for b in scene for t in b if of.of(t)]
    case = rng.random()
    if case < 0.4:
        side = rng.choice(("bottom", "bottom", "bottom", "right", "left", "top"))
        where, touches = rng.choice(SIDES[side]), lambda t: side in t.walls
    elif case < 0.8:
        where, touches = rng.choice(EDGE), lambda t: bool(t.walls)
    else:
        where, touches = rng.choice(CORNER), lambda t: len(t.walls) > 1
    verb = rng.choice(("touching", "touching", "closely touching"))
    hits = sum(map(touches, things))
    if rng.random() < 0.1:
        subject, holds = rng.choice((("none of the", hits == 0), ("", hits > 0)))
        return squeeze(f"{subject} {of.named('s')} are {verb} {where}"), holds
    return there(lambda plural: f"{of.named(plural)} {verb} {where}", hits, rng, most=4)


def items_at_no_wall(scene: Scene, rng: random.Random) -> Statement:
    of = kind(rng, size=0.05)
    hits = sum(of.of(t) and not t.walls for b in scene for t in b)
    return there(lambda plural: f"{of.named(plural)} not touching {rng.choice(EDGE)}", hits, rng, most=5, no=False)


def a_box_with_items_at_a_wall(scene: Scene, rng: random.Random) -> Statement:
    of, corner = kind(rng, any_thing=False), rng.random() < 0.4
    where = rng.choice(CORNER[:2] if corner else EDGE)
    hits = sum(any(of.of(t) and len(t.walls) > corner for t in b) for b in scene)
    verb = rng.choice(("touching", "closely touching"))
    return there(lambda plural: f"box{'es' if plural else ''} with {a(of.named())} {verb} {where}", hits, rng, no=False)


ITEMS = (
    items_in_a_box,
    items_in_a_box,
    one_of_the_boxes,
    items_anywhere,
    items_anywhere,
    boxes_with,
    every_box,
    boxes_of_colours,
    so_many_of_colours,
    items_on_top,
    two_kinds_in_a_box,
    one_over_another,
    items_at_a_wall,
    items_at_a_wall,
    items_at_a_wall,
    items_at_no_wall,
    items_at_no_wall,
    a_box_with_items_at_a_wall,
)
