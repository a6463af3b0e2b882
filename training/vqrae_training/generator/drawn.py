"""Drawn shapes whose captions can be checked. They follow easy-VQA (MIT), with sizes, backgrounds and more shapes.

A drawing has the tokenizer's input size. Its centre lies on a corner between tokens: a small model can learn the few different
outlines. No drawing touches the picture's edge.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from itertools import product

from PIL import Image, ImageDraw

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 80, 210),
    "yellow": (245, 215, 40),
    "orange": (245, 135, 25),
    "purple": (135, 50, 165),
    "black": (20, 20, 20),
    "white": (245, 245, 245),
    "grey": (150, 150, 150),
    "pink": (240, 120, 180),
    "brown": (130, 80, 40),
    "cyan": (60, 200, 205),
}
BACKGROUNDS = COLOURS | {"beige": (225, 205, 165)}
SHAPES = ("circle", "square", "rectangle", "triangle", "star", "diamond", "cross", "heart")
SIZES = {"small": 5 / 14, "medium": 7 / 14, "large": 9 / 14}  # of the picture's side; brought to whole tokens
STAR_WAIST = 0.42  # inner radius of the star over its outer one
OVERSAMPLING = 4  # PIL draws without smoothing


@dataclass(frozen=True)
class Drawing:
    """What a caption may name, and where the shape lies: x, y of its centre in tokens from the top left corner."""

    shape: str
    colour: str
    size: str
    background: str
    x: int
    y: int
    upright: bool = False  # of a rectangle

    @property
    def combination(self) -> tuple[str, str, str, str]:
        return self.shape, self.colour, self.size, self.background

    @property
    def split(self) -> str:
        return "val" if held_out(*self.combination) else "train"


def combinations() -> list[tuple[str, str, str, str]]:
    """Return all (shape, colour, size, background), except those that nobody could see."""
    return [c for c in product(SHAPES, COLOURS, SIZES, BACKGROUNDS) if c[1] != c[3]]


def held_out(shape: str, colour: str, size: str, background: str) -> bool:
    """Whether training never shows this combination. A tenth is held out (CRC-32 a multiple of ten): who draws them has learnt
    what the words mean."""
    return zlib.crc32(f"{size} {colour} {shape} {background}".encode()) % 10 == 0


def placements(combination: tuple[str, str, str, str], grid: int) -> list[Drawing]:
    """Return all the drawings of a combination on a picture of grid x grid tokens."""
    shape, colour, size, background = combination
    margin = (tokens(size, grid) + 1) // 2  # half the shape and half a token of background
    places = range(margin, grid - margin + 1)
    return [Drawing(shape, colour, size, background, x, y, upright) for x, y, upright in product(places, places, turns(shape))]


def turns(shape: str) -> tuple[bool, ...]:
    """Return the values that `upright` can have."""
    return (False, True) if shape == "rectangle" else (False,)


def draw(drawing: Drawing, size: int, grid: int) -> Image.Image:
    """Draw on a picture of size x size pixels, grid x grid tokens."""
    scale = OVERSAMPLING * size / grid
    image = Image.new("RGB", (OVERSAMPLING * size,) * 2, BACKGROUNDS[drawing.background])
    r = tokens(drawing.size, grid) * scale / 2
    paint(image, drawing.shape, drawing.upright, drawing.x * scale, drawing.y * scale, r, COLOURS[drawing.colour])
    return image.resize((size, size), Image.Resampling.BOX)


def paint(
    image: Image.Image, shape: str, upright: bool, x: float, y: float, r: float, colour: int | tuple[int, int, int]
) -> None:
    """Paint the shape. x, y and half its width r are in pixels."""
    pen = ImageDraw.Draw(image)
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), colour)
    elif shape == "square":
        s = r * 0.9
        pen.rectangle((x - s, y - s, x + s, y + s), colour)
    elif shape == "rectangle":
        w, h = (r * 0.5, r) if upright else (r, r * 0.5)
        pen.rectangle((x - w, y - h, x + w, y + h), colour)
    elif shape == "triangle":
        pen.polygon([(x, y - r), (x + r, y + r * 0.8), (x - r, y + r * 0.8)], colour)
    elif shape == "diamond":
        pen.polygon([(x, y - r), (x + r * 0.75, y), (x, y + r), (x - r * 0.75, y)], colour)
    elif shape == "cross":
        arm = r * 0.32
        pen.rectangle((x - r, y - arm, x + r, y + arm), colour)
        pen.rectangle((x - arm, y - r, x + arm, y + r), colour)
    elif shape == "heart":
        pen.polygon(_heart(x, y, r), colour)
    else:
        pen.polygon(_star(x, y, r), colour)


def tokens(size: str, grid: int) -> int:
    """Return how many tokens wide a shape of `size` is."""
    return round(SIZES[size] * grid)


def _heart(x: float, y: float, r: float) -> list[tuple[float, float]]:
    """Return the outline of a heart of width 2 r, its point below."""
    steps = [2 * math.pi * i / 64 for i in range(64)]
    height = lambda t: 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
    return [(x + r * math.sin(t) ** 3, y - r * (height(t) + 2.5) / 16) for t in steps]


def _star(x: float, y: float, r: float) -> list[tuple[float, float]]:
    """Return the corners of a star of five points, one of them up."""
    radii = (r, r * STAR_WAIST)
    turn = lambda i: math.pi * (i / 5 - 0.5)
    return [(x + radii[i % 2] * math.cos(turn(i)), y + radii[i % 2] * math.sin(turn(i))) for i in range(10)]
