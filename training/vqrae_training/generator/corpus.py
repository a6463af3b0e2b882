"""What the generator learns from: photos and drawings as the tokenizer's ids, computed once.

`ids.npy` int16 [n, t] holds the ids; equal patches of drawings have equal ones. `features.npy` float16 [n, d] holds class-token
features, for the probe that judges samples; those of captioned photos, which it does not use, are 0. `items.json` says what each
row is, `captions.json` what is said of a captioned photo. `own.npy` holds the ids as the encoder gives them, until all are
encoded.

    python -m vqrae_training generator ids --tokenizer models/vqrae-tiny --train caltech101-128/train \\
        --val caltech101-128/val --out runs/ids

A stopped run goes on with the next pictures.
"""

from __future__ import annotations

import dataclasses
import json
import math
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from ..data.images import encoder_view, normalise, random_view, to_uint8
from ..data.sources import Item, read_source, spread
from ..errors import UserError
from ..models.vqrae import VQRAE
from .config import CorpusSection
from .drawn import Drawing, combinations, draw, placements
from .equal_patches import majority_ids
from .prompts import sentence_case
from .shards import Captioned, CaptionedShards

BATCH = 32
CUT = (0.5, 0.9)  # share of a photo's area in a random cut
NOT_CLASSES = {"BACKGROUND_Google", "Faces"}  # no class; the photos of Faces_easy, cut wider


@dataclasses.dataclass(frozen=True)
class Photo:
    name: str
    label: str
    split: str  # "train" or "val"
    mirrored: bool = False
    view: int = 0  # 0: the whole photo; else the number of a random cut


def largest_classes(items: list[Item], count: int) -> list[str]:
    """Return the `count` labels with the most images, without NOT_CLASSES. Names decide between equal ones."""
    labels = [i.label for i in items if i.label not in NOT_CLASSES]
    return sorted(sorted(set(labels)), key=lambda label: -labels.count(label))[:count]


def list_corpus(train: list[Item], val: list[Item], options: CorpusSection, grid: int) -> list[Photo | Drawing]:
    """List the photos, at most `options.photos` of a class and evenly over its list, each with its mirror image and
    `options.views` cuts to train on; then drawings of every combination, at most `options.drawings` of each. No two drawings are
    alike."""
    shown: list[Photo | Drawing] = []
    for label in largest_classes(train, options.classes):
        for split, items, most in (("train", train, options.photos), ("val", val, options.val_photos)):
            chosen = spread([i for i in items if i.label == label], most)
            cuts = range(1, options.views + 1)
            views = [(False, 0), (True, 0), *((False, k) for k in cuts)] if split == "train" else [(False, 0)]
            shown += [Photo(i.name, label, split, mirrored, view) for i in chosen for mirrored, view in views]
    rng = random.Random(options.seed)
    return shown + [d for c in combinations() for d in some_places(placements(c, grid), grid, options, rng)]


def some_places(possible: list[Drawing], grid: int, options: CorpusSection, rng: random.Random) -> list[Drawing]:
    """Choose at most `options.drawings` of a combination's drawings, those near the middle more often."""
    deviation = options.place_deviation or math.inf
    far = lambda d: ((d.x - grid / 2) ** 2 + (d.y - grid / 2) ** 2) / (2 * deviation**2)
    # A weighted sample without repetition (Efraimidis, Spirakis): those of the smallest exponential variates over their weights.
    return sorted(possible, key=lambda d: math.log(rng.expovariate(1)) + far(d))[: options.drawings]


def picture_of(photo: Photo, image: Image.Image) -> Image.Image:
    """Return the photo's whole picture, its mirror image or one of its cuts, which its name and number decide."""
    if photo.view:
        return random_view(image, min(image.size), random.Random(f"{photo.name} {photo.view}"), CUT)
    return ImageOps.mirror(image) if photo.mirrored else image


@torch.inference_mode()
def encode(model: VQRAE, images: list[Image.Image]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures' ids int16 [n, t] and their class tokens' features float16 [n, d]."""
    encoder = model.encoder
    pixels = torch.stack([to_uint8(encoder_view(image, encoder.image)) for image in images])
    hidden = encoder(normalise(pixels, encoder.mean, encoder.std), model.taps)
    ids = model.quantizer(model.quantizer_input(hidden)).ids
    return ids.numpy().astype(np.int16), encoder.final_norm(hidden[-1][:, 0]).numpy().astype(np.float16)


def build_corpus(
    model: VQRAE, train: str, val: str, options: CorpusSection, folder: Path, captioned: Sequence[CaptionedShards] = ()
) -> None:
    """Encode photos and drawings into `folder`, and add captioned photos, whose ids are there already. Raises UserError where it
    holds the ids of other data."""
    folder.mkdir(parents=True, exist_ok=True)
    grid, size = model.encoder.grid, model.encoder.image_size
    photos = {"train": read_source(train), "val": read_source(val)}
    files = {(split, i.name): i for split, items in photos.items() for i in items}
    pictures = list_corpus(photos["train"], photos["val"], options, grid)
    items = pictures + [item for shards in captioned for item in shards.items]
    listing = json.dumps([{"kind": type(i).__name__} | dataclasses.asdict(i) for i in items], indent=0)
    listed, counted = folder / "items.json", folder / "encoded.json"
    if counted.exists() and listed.read_text() != listing:
        raise UserError(f"Expected the ids of this data for {folder} but received another's. Remove the folder or name another")
    listed.write_text(listing)
    captions = {name: said for shards in captioned for name, said in shards.captions.items()}
    (folder / "captions.json").write_text(json.dumps(captions))
    done = json.loads(counted.read_text()) if counted.exists() else 0
    if done == len(items):
        return
    array = lambda name, kind, width: np.lib.format.open_memmap(folder / name, "r+" if done else "w+", kind, (len(items), width))
    own, features = array("own.npy", np.int16, grid * grid), array("features.npy", np.float16, model.encoder.hidden_size)
    model.eval()

    def picture(item: Photo | Drawing) -> Image.Image:
        if isinstance(item, Drawing):
            return draw(item, size, grid)
        return picture_of(item, files[item.split, item.name].open())

    started, first = time.time(), done
    while done < len(pictures):
        rows = slice(done, min(done + BATCH, len(pictures)))
        own[rows], features[rows] = encode(model, [picture(i) for i in items[rows]])
        own.flush()
        features.flush()
        done = rows.stop
        if done < len(items):
            counted.write_text(json.dumps(done))
        if done // BATCH % 10 == 0:
            rate = (done - first) / (time.time() - started)
            print(f"{done}/{len(pictures)} pictures, {rate:.1f}/s, {(len(pictures) - done) / rate:.0f} s left", flush=True)
    ids = np.array(own)
    drawn = [row for row, item in enumerate(pictures) if isinstance(item, Drawing)]
    if drawn:
        ids[drawn] = majority_ids([pictures[row] for row in drawn], ids[drawn], model)
    if captioned:
        ids[len(pictures) :] = np.concatenate([shards.ids for shards in captioned])
    np.save(folder / "ids.npy", ids)
    counted.write_text(json.dumps(len(items)))
    (folder / "own.npy").unlink()


@dataclasses.dataclass(frozen=True)
class Corpus:
    items: list[Photo | Drawing | Captioned]
    ids: np.ndarray  # int16 [n, t]
    features: np.ndarray  # float16 [n, d]
    captions: dict[str, list[str]] = dataclasses.field(default_factory=dict)  # by a captioned photo's name

    def rows(self, kind: type, split: str, label: str | None = None) -> list[int]:
        """Return the rows of all items of a kind and a split, or of one class's photos where `label` names it."""
        chosen = lambda i: isinstance(i, kind) and i.split == split and label in (None, getattr(i, "label", None))
        return [row for row, item in enumerate(self.items) if chosen(item)]

    @property
    def labels(self) -> list[str]:
        return sorted({i.label for i in self.items if isinstance(i, Photo)})


def read_corpus(folder: str | Path) -> Corpus:
    """Read what `generator ids` wrote. Raises UserError for a folder whose ids are missing or not complete."""
    folder = Path(folder)
    try:
        stored = json.loads((folder / "items.json").read_text())
        done = json.loads((folder / "encoded.json").read_text())
        said = json.loads((folder / "captions.json").read_text())
        # A run that was stopped left no ids yet.
        ids = np.load(folder / "ids.npy") if done == len(stored) else ()
        features = np.load(folder / "features.npy")
    except OSError as error:
        raise UserError(f"Expected a folder that `generator ids` wrote for {folder} but received: {error}") from None
    if not done == len(stored) == len(ids):
        raise UserError(f"Expected the ids of {len(stored)} pictures in {folder} but received {done}: run `generator ids` again")
    captions = {name: [sentence_case(caption) for caption in of] for name, of in said.items()}
    kinds = {kind.__name__: kind for kind in (Photo, Drawing, Captioned)}
    return Corpus([kinds[row.pop("kind")](**row) for row in stored], ids, features, captions)
