"""What judges a generator's samples: shapes and colours read off pixels, and the table of `generator evaluate`."""

import json
import random

import pytest
from generator_runs import generator
from PIL import Image
from runner import run_here

from vqrae_training.data.sources import read_source
from vqrae_training.errors import UserError
from vqrae_training.generator.corpus import Photo, read_corpus
from vqrae_training.generator.draw import main
from vqrae_training.generator.drawn import BACKGROUNDS, COLOURS, combinations, draw, held_out, placements
from vqrae_training.generator.shapes import look


def test_every_drawing_is_read_as_it_was_meant():
    rng = random.Random(1)
    for combination in combinations()[::7]:
        d = rng.choice(placements(combination, 14))
        assert look(draw(d, 112, 14), 14) == d.combination
    assert look(draw(d, 112, 14).crop((0, 0, 8, 8)).resize((112, 112)), 14) is None


def test_drawings_as_images_are_never_held_out_and_come_again_alike(tmp_path):
    for name in ("a.tar", "b.tar"):
        generator("draw", "--count", "40", "--out", str(tmp_path / name))
    items = read_source(tmp_path / "a.tar")
    assert [i.data for i in items] == [i.data for i in read_source(tmp_path / "b.tar")]
    seen = [look(i.open().resize((112, 112), Image.Resampling.BOX), 14) for i in items]
    assert [s.shape for s in seen] == [i.label for i in items]
    assert len(set(seen)) == 40 and not any(held_out(*s) for s in seen)


def test_drawings_of_a_size_that_cannot_be_are_refused(tmp_path):
    for wrong in (("--count", "0"), ("--grid", "4"), ("--size", "5")):
        with pytest.raises(UserError, match=f"but received .*{wrong[1]}"):
            main([*wrong, "--out", str(tmp_path / "a.tar")])


def test_an_outline_that_no_drawing_has_is_no_shape():
    plain = draw(placements(("circle", "red", "large", "white"), 14)[12], 112, 14)
    for hidden in ((0, 0, 60, 112), (20, 50, 92, 62)):  # half of the circle; a bar across it
        broken = plain.copy()
        broken.paste(BACKGROUNDS["white"], hidden)
        seen = look(broken, 14)
        assert (seen.shape, seen.colour, seen.size) != ("circle", "red", "large") and seen.colour == "red"
    spread = Image.new("RGB", (112, 112), BACKGROUNDS["white"])
    spread.paste(COLOURS["red"], (8, 8, 104, 16))
    spread.paste(COLOURS["red"], (8, 8, 16, 104))
    assert look(spread, 14) == (None, "red", None, "white")


def test_evaluate_prints_judges_and_samples(generator_folder, tmp_path):
    folder = generator_folder
    out = generator("evaluate", str(folder / "run"), "--judges", "--scales", "1", "2", "--per-class", "2", "--drawings", "4",
                    "--json", str(tmp_path / "f.json"), "--picture", str(tmp_path / "s.png"))  # fmt: skip
    figures = json.loads((tmp_path / "f.json").read_text())
    assert [m["sampling"]["guidance_scale"] for m in figures["samples"]] == [1, 2]
    assert figures["judges"]["photos"]["images"] == len(read_corpus(folder / "ids").rows(Photo, "val"))
    shipped = str(tmp_path / "llm.gguf")
    generator("export", str(folder / "run"), "--out", shipped)
    told = ("--ids", str(folder / "ids"), "--tokenizer", str(folder / "tokenizer"))
    again = generator("evaluate", shipped, *told, "--scales", "1", "--per-class", "2", "--drawings", "4", "--reworded", "3")
    assert again.count("\n| guidance") == 1 == again.count("\n| the same, in other words |")
    refused = run_here(["generator", "evaluate", shipped, *told[:2], "--scales", "1"])
    assert refused.returncode == 1 and "received no --tokenizer" in refused.stderr
    assert out.count("held-out combinations") == 1 + 2 + 2 and "| real |" in out and (tmp_path / "s.png").stat().st_size > 1000
