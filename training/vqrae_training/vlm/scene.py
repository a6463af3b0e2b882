"""NLVR's structured_rep of a picture: three boxes of coloured items, with the facts that sentences speak of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

BOX = 100  # pixels a side
COLOURS = {"yellow": "yellow", "black": "black", "#0099ff": "blue"}
COLOUR_NAMES = tuple(COLOURS.values())
SHAPES = ("circle", "square", "triangle")
SIZES = {10: "small", 20: "medium", 30: "big"}
PLACES = ("left", "middle", "right")
ORDERS = tuple(permutations(range(3)))  # of the boxes in the six pictures of an example, -0.png to -5.png


@dataclass(frozen=True)
class Thing:
    colour: str
    shape: str
    size: str
    x: int  # of the left edge, in pixels of the box
    y: int  # of the top edge
    walls: frozenset[str]  # touched: left, right, top, bottom


Box = tuple[Thing, ...]  # from the bottom to the top


def read_scene(structured: list[list[dict]]) -> tuple[Box, ...]:
    """Read NLVR's structured_rep: three boxes of items, with places in pixels."""
    return tuple(tuple(sorted((_thing(t) for t in box), key=lambda t: (-t.y, t.x))) for box in structured)


def is_tower(box: Box) -> bool:
    """Whether a box holds one of NLVR's stacks: medium squares above one another in the middle."""
    return all(t.shape == "square" and t.size == "medium" and t.x == 40 for t in box) and box[0].y == 80


def has_towers(scene: tuple[Box, ...]) -> bool:
    return all(map(is_tower, scene))


def describe(box: Box) -> str:
    """Describe a box: `a tower of blue, black` from the bottom up, or `a big black square, 2 small yellow circles`."""
    if is_tower(box):
        return "a tower of " + ", ".join(t.colour for t in box)
    counts: dict[str, int] = {}
    for t in sorted(box, key=lambda t: (t.colour, t.shape, t.size)):
        name = f"{t.size} {t.colour} {t.shape}"
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"a {name}" if n == 1 else f"{n} {name}s" for name, n in counts.items())


def _thing(stored: dict) -> Thing:
    x, y, size = round(stored["x_loc"]), round(stored["y_loc"]), stored["size"]
    touched = {"left": x <= 0, "right": x + size >= BOX, "top": y <= 0, "bottom": y + size >= BOX}
    walls = frozenset(wall for wall, touches in touched.items() if touches)
    return Thing(COLOURS[stored["color"].lower()], stored["type"], SIZES[size], x, y, walls)
