"""The words for things in photos: which of them a caption names, and which it rules out.

A thing is named by its own words or by those of a narrower thing (a puppy is a dog). It is ruled out only where no caption
names it, a wider thing or an unclear one: `a player` may be a man or a woman. Things that captions pass over though they are
there, such as trees and shirts, are never asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

PERSONS = ("man", "woman", "boy", "girl", "baby")
_WHO = frozenset(
    """
person people someone somebody child children kid kids adult adults couple crowd friend friends player players athlete
athletes worker workers skier skiers surfer biker bikers cyclist cyclists hiker hikers climber climbers rider riders
snowboarder skateboarder runner runners dancer dancers swimmer racer racers teenager teenagers toddler toddlers baby
babies teen teens youth male female pedestrian pedestrians spectators musician musicians performer artist soldier
soldiers officer police policeman driver kayaker guitarist individual
""".split()
)
# Words that leave open whether people are men, women, boys or girls, or whether there are any.
_UNCLEAR = _WHO | set(
    "group team family audience band they he she others hand hands face".split()
)

# A thing, and the words that name it. The first word is the name in questions.
_THINGS = """
dog dogs puppy puppies poodle dachshund greyhound greyhounds terrier retriever labrador collie hound dalmatian
cat cats kitten kittens
horse horses pony ponies
bird birds duck ducks seagull seagulls pigeon pigeons goose geese parrot swan eagle
cow cows bull bulls cattle calf
sheep lamb lambs goat goats
elephant elephants
zebra zebras
giraffe giraffes
bear bears
person
man men guy guys gentleman cowboy businessman fisherman husband father dad
woman women lady ladies bride cheerleader cheerleaders mother mom
boy boys
girl girls
baby babies infant toddler
bicycle bike bikes bicycles biker bikers bicyclist bicyclists cyclist cyclists bmx
motorcycle motorcycles motorbike motorbikes motorcyclist motorcyclists
car cars taxi taxis cab
truck trucks
bus buses
train trains
boat boats canoe kayak kayaks kayaker sailboat rowboat raft ship
airplane airplanes plane planes jet
skateboard skateboards skateboarder skateboarders skateboarding
snowboard snowboards snowboarder snowboarders snowboarding
surfboard surfboards surfer surfers surfing surf
skis ski skier skiers skiing
ball balls basketball football soccer baseball volleyball
frisbee frisbees
kite kites
umbrella umbrellas
bench benches
tent tents
guitar guitars guitarist
trampoline trampolines
beach beaches seashore shore
ocean sea waves
pool pools
river rivers creek stream
lake lakes pond
mountain mountains mountainside
snow snowy snowbank snowball
sand sandy
waterfall waterfalls
fire campfire bonfire fireworks
bridge bridges
phone phones cellphone telephone
laptop laptops computer computers
cake cakes cupcake
pizza pizzas
flag flags
ladder ladders
rope ropes
stage stages concert
""".strip().splitlines()
THINGS: dict[str, frozenset[str]] = {line.split()[0]: frozenset(line.split()) for line in _THINGS}
THINGS["person"] |= _WHO.union(*(THINGS[thing] for thing in PERSONS))
MASS = {"snow", "sand", "fire", "skis"}

# What goes with what: where one is named, the others are not ruled out.
_KIN = [
    {"ocean", "beach", "sand", "lake", "river", "pool", "waterfall", "boat", "surfboard"},
    {"snow", "skis", "snowboard", "mountain"},
    {"skateboard", "bicycle"},
    {"car", "truck", "bus", "motorcycle", "bicycle"},
    {"cow", "horse", "sheep"},
    {"river", "bridge", "waterfall", "lake"},
    {"phone", "laptop", "guitar", "stage"},
    {"ball", "frisbee"},
    {"rope", "kite", "tent", "flag", "mountain"},
]
# A word, and the things that it may stand for.
_UNSURE = {
    "water": {"beach", "boat", "lake", "ocean", "pool", "river", "waterfall"},
    "animal": {"bear", "cat", "cow", "dog", "horse", "sheep"},
    "animals": {"bear", "cat", "cow", "dog", "horse", "sheep"},
    "toy": {"ball", "car", "frisbee", "truck"},
    "vehicle": {"bus", "car", "truck"},
    "hill": {"mountain"},
    "cliff": {"mountain", "rope"},
    "rock": {"mountain"},
    "street": {"bicycle", "bus", "car", "truck"},
    "road": {"car", "truck"},
    "traffic": {"bus", "car", "truck"},
    "instrument": {"guitar"},
    "wave": {"beach", "ocean", "surfboard"},
    "board": {"skateboard", "snowboard", "surfboard"},
    "ramp": {"bicycle", "skateboard"},
    "park": {"bench"},
}

COLOURS = ("black", "white", "red", "blue", "green", "yellow", "brown", "orange", "pink", "purple", "gray", "tan")
_NUMBERS = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
STOP = frozenset(
    """
a an and another are as at be being by down for from has have having he her his in into is it it's its near next of off
on one onto or other out over she some that the their there these they this those through to up was were which while who
with
""".split()
)


_COMPOUNDS = re.compile(r"\b(?:mountain|dirt|snow|water) (?=bik|mobile|ski)|\b\w+ball (?=player|team|field|game|court)")


def words(text: str) -> list[str]:
    """Return the words in lower case. A mountain bike is no mountain, and a football player no ball."""
    return re.findall(r"[a-z0-9'-]+", _COMPOUNDS.sub("", text.lower()))


def with_article(thing: str) -> str:
    return thing if thing in MASS else f"{'an' if thing[0].lower() in 'aeiou' else 'a'} {thing}"


def sentence(caption: str) -> str:
    """Write a caption as a sentence: a capital first, one full stop at the end, no space before it."""
    text = re.sub(r"\s+([.,;!?'])", r"\1", caption.strip().strip('"').strip()).rstrip(" .")
    return f"{text[:1].upper()}{text[1:]}."


def keywords(caption: str) -> list[str]:
    return [word for word in words(caption) if word not in STOP]


def named(captions: Sequence[str]) -> list[str]:
    """Return the things that any of the captions names, in a fixed order."""
    said = {word for caption in captions for word in words(caption)}
    return [thing for thing, forms in THINGS.items() if said & forms]


def ruled_out(captions: Sequence[str]) -> list[str]:
    """Return the things that the captions leave no room for, in a fixed order."""
    said = {word for caption in captions for word in words(caption)}
    here = set(named(captions))
    open_things = (
        here | {t for kin in _KIN if kin & here for t in kin} | {t for w, ts in _UNSURE.items() if w in said for t in ts}
    )
    if said & _UNCLEAR:
        open_things.add("person")
    if said & _UNCLEAR:
        open_things |= set(PERSONS)
    elif "person" in here:
        open_things |= {"boy", "girl", "baby"} if here & {"boy", "girl", "baby"} else set()
        open_things |= {"man"} if "boy" in here else set()
        open_things |= {"woman"} if "girl" in here else set()
    return [thing for thing in THINGS if thing not in open_things]


def colour_of(captions: Sequence[str], thing: str) -> str | None:
    """Return the colour that the captions give a thing, where they give it one and agree."""
    found = set()
    for caption in captions:
        said = [{"grey": "gray", "blonde": "tan"}.get(w, w) for w in words(caption)]
        for before, word in zip(said, said[1:], strict=False):
            if word in THINGS[thing] and before in COLOURS:
                found.add(before)
        for one, _, other, word in zip(said, said[1:], said[2:], said[3:], strict=False):
            if word in THINGS[thing] and one in COLOURS and other in COLOURS:
                return None  # black and white dog
    return found.pop() if len(found) == 1 else None


def number_of(captions: Sequence[str], thing: str) -> str | None:
    """Return how many of a thing there are, where at least two captions say it and none another number."""
    found = []
    for caption in captions:
        said = words(caption)
        for i, word in enumerate(said):
            if word in THINGS[thing]:
                found += [_NUMBERS[w] for w in said[max(0, i - 3) : i] if w in _NUMBERS]
    return found[0] if len(found) >= 2 and len(set(found)) == 1 else None
