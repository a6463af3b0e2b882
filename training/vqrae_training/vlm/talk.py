"""Questions and answers about one photo, made from what people wrote about it, and questions that no photo answers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .photo_words import colour_of, named, number_of, ruled_out, sentence, with_article
from .questions import Turn

SHORT = "Answer the question using a single word or phrase."  # as lmms-eval and LLaVA end a question
LONG = "Answer in a sentence."
CAPTION_ASKED = (
    "Provide a one-sentence caption for the provided image.",  # `vqrae bench flickr8k`
    "Describe the image.",
    "Describe this photo in a sentence.",
    "What is in the image?",
    "What do you see?",
    "What is happening in this picture?",
    "Write a caption.",
    "What does the photo show?",
    "Caption this image.",
    "Can you tell me what is in the photo?",
)
_THERE = """
Is there {} in the image?
Is there {} in the image?
Is there {}?
Do you see {}?
Can you see {} in the photo?
Does the picture show {}?
""".strip().splitlines()
LABEL_ASKED = """
What is this?
what is this?
What is it?
What is the main object?
What is this a photo of?
What kind of thing is this?
""".strip().splitlines()
ANIMAL_ASKED = ("What animal is this?", "What animal is it?", "Which animal do you see?")
UNKNOWN = "I don't know."
_OUT_OF_RANGE = """
What is the capital of {}?
Who is the president of {}?
How many people live in {}?
Tell me about the history of {}.
What is the weather in {} today?
Who wrote {}?
When was {} founded?
How far is it to {}?
Translate {} into French.
Write a poem about {}.
Tell me a joke about {}.
What does {} cost?
Write a program that sorts {}.
How do I cook {}?
""".strip().splitlines()
_OF = """
France
Germany
Japan
Brazil
London
Paris
Mars
Hamlet
Faust
Rome
love
spring
a list
numbers
rice
bread
Peru
Egypt
the moon
music
the internet
Berlin
China
Canada
my computer
a phone
soup
India
""".strip().splitlines()
_NEVER = """
What is his name?
What is her name?
Who took this photo?
When was this photo taken?
Where was this photo taken?
Who are you?
How old are you?
What are they thinking?
What is the meaning of life?
What time is it?
What day is it?
What did they eat for breakfast?
Why?
What will happen next?
What is 17 times 23?
How are you?
Who won the game?
What is the phone number?
What is the name of this place?
How much does it cost?
What is the dog's name?
asdf qwer zxcv
How old is the man?
What is behind the camera?
What did they do yesterday?
Which year is it?
What language do they speak?
""".strip().splitlines()


@dataclass(frozen=True)
class Facts:
    """What is known of a photo. label: what a classifier calls it, and whether that is an animal."""

    captions: tuple[str, ...]
    there: tuple[str, ...]
    absent: tuple[str, ...]
    label: tuple[str, bool] | None = None


def facts(captions: Sequence[str], label: tuple[str, bool] | None = None) -> Facts:
    return Facts(tuple(map(sentence, captions)), tuple(named(captions)), tuple(ruled_out(captions)) if captions else (), label)


class YesNo:
    """Draws things to ask about, as many that are there as that are not. The latter are drawn as POPE draws them: any, one that
    many photos have, or one that often comes with what is there."""

    def __init__(self, all_facts: Sequence[Facts]):
        self.often = Counter(thing for f in all_facts for thing in f.there)
        self.together: dict[str, Counter[str]] = {}
        for f in all_facts:
            for thing in f.there:
                self.together.setdefault(thing, Counter()).update(t for t in f.there if t != thing)

    def absent(self, f: Facts, kind: str, rng: random.Random) -> str | None:
        """Draw a thing that is not there. kind: random, popular or adversarial."""
        if not f.absent:
            return None
        if kind == "random":
            return rng.choice(f.absent)
        score = self.often if kind == "popular" else sum((self.together.get(t, Counter()) for t in f.there), Counter())
        ranked = sorted(f.absent, key=lambda thing: (-score[thing], thing))[:6]
        return rng.choice(ranked)

    def pair(self, f: Facts, rng: random.Random) -> list[Turn]:
        """Ask about one thing that is there and one that is not; nothing where either is wanting."""
        other = self.absent(f, rng.choice(("random", "popular", "adversarial")), rng)
        if not f.there or other is None:
            return []
        return [yes_or_no(rng.choice(f.there), True, rng), yes_or_no(other, False, rng)]


def yes_or_no(thing: str, there: bool, rng: random.Random) -> Turn:
    question, it = rng.choice(_THERE).format(with_article(thing)), with_article(thing)
    how = rng.random()
    if how < 0.1:
        verb = "are" if thing == "skis" else "is"
        answer = f"Yes, there {verb} {it} in the image." if there else f"No, there {verb} no {thing} in the image."
        return f"{question}\n{LONG}", answer
    if how < 0.5:
        question += f"\n{SHORT}"
    elif how < 0.6:
        question += "\nAnswer yes or no."
    return question, "Yes" if there else "No"


def caption_turns(f: Facts, rng: random.Random) -> list[Turn]:
    return [(rng.choice(CAPTION_ASKED), caption) for caption in f.captions]


def detail_turns(f: Facts, rng: random.Random) -> list[Turn]:
    """Ask for colours and numbers that the captions give."""
    turns = []
    for thing in f.there:
        if colour := colour_of(f.captions, thing):
            short = rng.random() < 0.7
            end = rng.choice(("", f"\n{SHORT}")) if short else f"\n{LONG}"
            turns.append((f"What color is the {thing}?{end}", colour if short else f"The {thing} is {colour}."))
        if number := number_of(f.captions, thing):
            plural = {"man": "men", "woman": "women", "baby": "babies", "snow": "snow"}.get(thing, f"{thing}s")
            turns.append((f"How many {plural} are there?{rng.choice(('', f'{chr(10)}{SHORT}'))}", number))
    return turns


def label_turn(label: str, animal: bool, rng: random.Random) -> Turn:
    asked = ANIMAL_ASKED if animal and rng.random() < 0.5 else LABEL_ASKED
    short = rng.random() < 0.7
    end = rng.choice(("", "", f"\n{SHORT}")) if short else f"\n{LONG}"
    return f"{rng.choice(asked)}{end}", with_article(label) if short else f"It is {with_article(label)}."


def unknown_turn(rng: random.Random) -> Turn:
    if rng.random() < 0.5:
        return rng.choice(_NEVER), UNKNOWN
    return rng.choice(_OUT_OF_RANGE).format(rng.choice(_OF)), UNKNOWN
