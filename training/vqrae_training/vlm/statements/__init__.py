"""Make sentences in NLVR's manner that are true or false of a scene, from its structured_rep.

They teach what the few human sentences (about 400 different ones) cannot. Their phrasings follow those of the training part.
"""

from __future__ import annotations

import random

from ..scene import has_towers
from .items import ITEMS
from .towers import TOWERS
from .words import Scene

TRIES = 40  # for a sentence that tells two scenes apart


def telling_apart(one: Scene, other: Scene, rng: random.Random) -> tuple[str, str, str] | None:
    """Find a sentence that is true of one scene and false of the other, so that the words alone do not give the answer away.

    Returns (sentence, "true" or "false" of the first scene, and of the second), or None where it finds none. Both scenes have
    towers, or neither has.
    """
    makers = TOWERS if has_towers(one) else ITEMS
    for _ in range(TRIES):
        maker, seed = rng.choice(makers), rng.random()
        text, first = maker(one, random.Random(seed))
        _, second = maker(other, random.Random(seed))  # the same sentence: it depends on the seed alone
        if first != second:
            text = text if rng.random() < 0.3 else text + "."
            text = text if rng.random() < 0.4 else text[0].upper() + text[1:]
            return text, _label(first), _label(second)
    return None


def _label(holds: bool) -> str:
    return "true" if holds else "false"
