"""The words that go before an image: phrasings of a class name, and captions of a drawing."""

from __future__ import annotations

import random
from itertools import product

from .drawn import Drawing, combinations

PHRASES = ("a photo of {}", "a picture of {}", "an image of {}", "a photograph of {}", "{}")
DRAWN_PHRASES = ("{}", "a picture of {}", "a drawing of {}", "draw {}")
# Folder names that are no words of a prompt as they stand. In all others "_" becomes a space.
NAMES = {"Faces_easy": "face", "Leopards": "leopard", "Motorbikes": "motorbike", "airplanes": "airplane", "car_side": "car"}
NAMES |= {"hawksbill": "turtle", "ketch": "sailing boat", "ewer": "jug"}


def class_name(label: str) -> str:
    return NAMES.get(label, label.lower().replace("_", " "))


def class_prompt(label: str, rng: random.Random | None = None) -> str:
    """Choose one of PHRASES by `rng`, and how it is written. Without it, write "a photo of a <name>"."""
    name = _with_article(class_name(label))
    return _as_people_write(rng.choice(PHRASES).format(name), rng) if rng else PHRASES[0].format(name)


def drawn_prompt(drawing: Drawing, rng: random.Random | None = None) -> str:
    """Name shape and colour always. Name size and background in half of the captions each, or in all without `rng`. By `rng` half
    of them are in other words."""
    size, background = (not rng or rng.random() < 0.5 for _ in range(2))
    caption = _caption(drawing.shape, drawing.colour, drawing.size if size else "", drawing.background if background else "")
    if not rng or rng.random() < 0.5:
        return caption
    return _as_people_write(rng.choice(_in_other_words(caption)), rng)


def reworded_prompt(drawing: Drawing, rng: random.Random) -> str:
    """Name all of a drawing in other words than `drawn_prompt` without `rng`."""
    return _as_people_write(rng.choice(_in_other_words(drawn_prompt(drawing))[1:]), rng)


def all_prompts(labels: list[str]) -> list[str]:
    """Return every text about a photo of a class or a drawing."""
    photos = [phrase.format(_with_article(class_name(label))) for phrase, label in product(PHRASES, labels)]
    drawn = {_caption(*c[:2], *parts) for c in combinations() for parts in product((c[2], ""), (c[3], ""))}
    drawn = [text for caption in sorted(drawn) for text in _in_other_words(caption)]
    return [written for text in photos + drawn for written in _ways_to_write(text)]


def colour_and_shape(shape: str, colour: str) -> str:
    return _caption(shape, colour, "", "")


def sentence_case(text: str) -> str:
    """Write small letters behind the first one. The exported file says so (`prompt_case`), so that prompts are read alike."""
    return text[:1] + text[1:].lower()


def _caption(shape: str, colour: str, size: str, background: str) -> str:
    words = _with_article(" ".join(word for word in (size, colour, shape) if word))
    return f"{words} on {_with_article(background)} background" if background else words


def _in_other_words(caption: str) -> list[str]:
    """Return a drawing's caption in each of DRAWN_PHRASES, and without its article."""
    return [*(phrase.format(caption) for phrase in DRAWN_PHRASES), caption.split(" ", 1)[1]]


def _ways_to_write(text: str) -> tuple[str, str, str]:
    """Return the text as it is, with a capital letter, and as a sentence."""
    capital = text[0].upper() + text[1:]
    return text, capital, f"{capital}."


def _as_people_write(text: str, rng: random.Random) -> str:
    return rng.choice(_ways_to_write(text))


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
