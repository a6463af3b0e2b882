"""Questions and answers about one picture: made from structured_rep for NLVR, its own for easy-VQA."""

from __future__ import annotations

import random

from .scene import COLOUR_NAMES, PLACES, SHAPES, Box, describe

Turn = tuple[str, str]  # what is asked, what is answered
IS_TRUE = "Is this true? Answer yes or no."  # what `vqrae bench nlvr` appends
CAPTION = ("what is in the image?", "describe the image", "what do you see?")


def is_true(sentence: str, label: str) -> Turn:
    return f"{sentence}\n{IS_TRUE}", "yes" if label == "true" else "no"


def true_or_false(sentence: str, label: str, rng: random.Random) -> Turn:
    """Return the sentence by itself, or with a question after it."""
    return is_true(sentence, label) if rng.random() < 0.5 else (sentence, label)


def nlvr_question(scene: tuple[Box, ...], rng: random.Random) -> Turn:
    """Ask what is in a box, how many of something there are, or whether something is there."""
    place = rng.randrange(3)
    things = [t for box in scene for t in box]
    colour, shape = rng.choice(COLOUR_NAMES), rng.choice(SHAPES)
    matching = lambda of: [t for t in of if t.colour == colour and t.shape == shape]
    case = rng.randrange(8)
    if case < 3:
        return f"what is in the {PLACES[place]} box?", describe(scene[place])
    if case == 3:
        return "how many items are there?", str(len(things))
    if case == 4:
        return f"how many items are in the {PLACES[place]} box?", str(len(scene[place]))
    if case == 5:
        return f"how many {colour} items are there?", str(sum(t.colour == colour for t in things))
    if case == 6:
        return f"is there a {colour} {shape}?", "yes" if matching(things) else "no"
    return f"how many {colour} {shape}s are there?", str(len(matching(things)))


def nlvr_caption(scene: tuple[Box, ...], rng: random.Random) -> Turn:
    counts = [str(len(box)) for box in scene]
    return rng.choice(CAPTION), f"three boxes with {counts[0]}, {counts[1]} and {counts[2]} items"


def easy_vqa_caption(turns: list[Turn]) -> str | None:
    """Return `a blue circle` where the questions about the picture give its colour and its shape away."""
    shapes = {a for _, a in turns if a in ("circle", "triangle", "rectangle")}
    colours = {a for _, a in turns if a not in shapes and a not in ("yes", "no")}
    if len(shapes) == 1 and len(colours) == 1:
        return f"a {colours.pop()} {shapes.pop()}"
    return None


def in_words(scene: tuple[Box, ...]) -> str:
    """Describe a whole NLVR picture in text. It stands in for the image while the language model learns alone."""
    parts = []
    for place, box in zip(PLACES, scene, strict=True):
        parts.append(f"{place} box: " + ", ".join(_in_words(t) for t in box))
    return "; ".join(parts)


def _in_words(t) -> str:
    at = "".join(f" {wall}" for wall in sorted(t.walls))
    return f"{t.size} {t.colour} {t.shape}{at}"
