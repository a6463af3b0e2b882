"""The images of held-out sets leave a training set: equal bytes, near duplicates, and nothing else."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from vqrae_training.data.held_out import looks, main, near_duplicates, thumbnail
from vqrae_training.data.sources import read_source


def photo(seed: int, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """A smooth picture that differs from every other seed's, as two photographs do."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    train, held = tmp_path / "train", tmp_path / "held"
    train.mkdir(), held.mkdir()
    for seed in range(6):
        (train / f"own-{seed}.jpg").write_bytes(jpeg(photo(seed), 90))
        (held / f"held-{seed}.jpg").write_bytes(jpeg(photo(100 + seed), 90))
    square = ImageOps.fit(photo(102), (64, 64))
    (train / "equal.jpg").write_bytes(jpeg(photo(100), 90))
    (train / "squashed.jpg").write_bytes(jpeg(photo(101).resize((64, 64)), 40))
    (train / "cropped.jpg").write_bytes(jpeg(square, 70))
    (train / "mirrored.jpg").write_bytes(jpeg(ImageOps.mirror(photo(103)), 80))
    (train / "brighter.jpg").write_bytes(jpeg(ImageEnhance.Brightness(photo(104)).enhance(0.9), 80))
    return train, held


def test_equal_and_near_images_are_found_with_the_one_that_they_are(sets):
    train, held = (read_source(folder) for folder in sets)
    found = {a.name: (b.name, cosine) for a, b, cosine in near_duplicates(train, held, 0.97)}
    assert {name: held_name for name, (held_name, _) in found.items()} == {
        "equal.jpg": "held-0.jpg",
        "squashed.jpg": "held-1.jpg",
        "cropped.jpg": "held-2.jpg",
        "mirrored.jpg": "held-3.jpg",
        "brighter.jpg": "held-4.jpg",
    }
    assert found["equal.jpg"][1] == 1.0 and all(cosine < 1 for name, (_, cosine) in found.items() if name != "equal.jpg")


def test_the_tar_has_the_other_images_bytes_and_the_list_those_left_out(sets, tmp_path):
    train, held = sets
    out = tmp_path / "clean.tar"
    arguments = ["--train", str(train), "--held", str(held), "--out", str(out)]
    main(arguments)
    kept = {item.name: item.data for item in read_source(out)}
    assert kept == {f"own-{seed}.jpg": (train / f"own-{seed}.jpg").read_bytes() for seed in range(6)}
    assert {row["image"] for row in json.loads(out.with_suffix(".json").read_text())} == {
        "equal.jpg", "squashed.jpg", "cropped.jpg", "mirrored.jpg", "brighter.jpg"}  # fmt: skip
    before = out.read_bytes()
    main(arguments)
    assert out.read_bytes() == before


def test_a_picture_of_one_colour_is_near_to_nothing():
    flat = Image.new("RGB", (40, 40), (128, 128, 128))
    assert np.abs(thumbnail(flat)).max() == 0
    assert all(np.linalg.norm(v) == pytest.approx(1, abs=1e-5) for v in looks(photo(1)))
