"""Write questions in POPE's form about photos with human captions: is there a ...? As many are answered yes as no.

    python -m vqrae_training vlm pope --photos val.tar --often train.tar --out pope

coco_pope_random.json, _popular and _adversarial have a question a line. What is not there is drawn from all things, from those
that most photos have, or from those that most often come with what is there. `--often` is the set that this is counted on. A
thing is there if a caption names it, and is not if no caption leaves room for it (photo_words.py). `vqrae bench pope` reads the
files.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path

from .photo_words import with_article
from .photos import Photo, read_captioned
from .talk import YesNo

KINDS = ("random", "popular", "adversarial")
EACH = 3  # yes and no about one photo, as in POPE


def questions(photos: list[Photo], yes_no: YesNo, kind: str) -> list[dict]:
    """Return POPE's lines. The same photos give the same questions."""
    rng = random.Random(f"pope:{kind}")
    lines: list[dict] = []
    for photo in photos:
        f = photo.facts
        there = rng.sample(f.there, min(EACH, len(f.there)))
        absent = {t: None for _ in range(4 * EACH) if (t := yes_no.absent(f, kind, rng)) is not None}
        for thing, other in zip(there, absent, strict=False):
            for asked, label in ((thing, "yes"), (other, "no")):
                text = f"Is there {with_article(asked)} in the image?"
                lines.append({"question_id": len(lines) + 1, "image": photo.item.name, "text": text, "label": label})
    return lines


def blind(lines: list[dict]) -> float:
    """Return the share of right answers of somebody who never looks, but knows for each thing what is most often right."""
    labels: dict[str, Counter[str]] = {}
    for line in lines:
        labels.setdefault(line["text"], Counter())[line["label"]] += 1
    return sum(max(counts.values()) for counts in labels.values()) / max(len(lines), 1)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="a tar of photos with a table of captions beside it")
    parser.add_argument("--often", help="the photos on which it is counted what is common (default: the same)")
    parser.add_argument("--out", required=True, help="folder to write")
    args = parser.parse_args(argv)
    photos = read_captioned(args.photos)
    yes_no = YesNo([photo.facts for photo in (read_captioned(args.often) if args.often else photos)])
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        lines = questions(photos, yes_no, kind)
        (out / f"coco_pope_{kind}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
        photos_asked = len({line["image"] for line in lines})
        print(f"{kind}: {len(lines)} questions about {photos_asked} photos; right without looking, at best: {blind(lines):.1%}")
