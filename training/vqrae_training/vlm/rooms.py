"""Write the rooms of DAQUAR that training holds back, as `vqrae bench daquar` reads them.

    python -m vqrae_training vlm rooms daquar --out held
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

from .photos import read_rooms


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", help="DAQUAR's folder, with train.csv and train.tar")
    parser.add_argument("--out", required=True, help="folder to write")
    args = parser.parse_args(argv)
    held, out = read_rooms(args.rooms)[1], Path(args.out)
    (out / "images").mkdir(parents=True, exist_ok=True)
    with open(out / "data.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("question", "answer", "image_id"))
        for room in held:
            name = Path(room.item.name)
            room.item.open().convert("RGB").save(out / "images" / f"{name.stem}.png")
            table.writerows((question.removesuffix("?"), answer, name.stem) for question, answer in room.turns)
    answers = Counter(answer for room in held for _, answer in room.turns)
    asked, (commonest, count) = answers.total(), answers.most_common(1)[0]
    print(f"{asked} questions about {len(held)} rooms; the commonest answer, {commonest}, is right for {count / asked:.1%}")
