import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from vqrae_training.data.easy_vqa import EasyVQA, read_easy_vqa
from vqrae_training.data.images import to_uint8
from vqrae_training.errors import UserError
from vqrae_training.evaluate.vqa import fold, pool_tokens, vqa_accuracy, vqa_baselines

real = os.environ.get("VQRAE_EASY_VQA")
COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (20, 160, 40)}
ANSWERS = [*COLOURS, "yes", "no"]


def write_set(path: Path, counts: dict[str, int], leave_out: str = "", answers: list[str] = ANSWERS) -> Path:
    """A tar as easy-VQA's: one square somewhere on a bright ground; its colour decides every answer."""
    rng = np.random.default_rng(0)
    files = {"answers.txt": "\n".join(answers).encode()}
    for split, count in counts.items():
        questions = []
        for i in range(count):
            colour = list(COLOURS)[rng.integers(3)]
            image = Image.new("RGB", (64, 64), tuple(rng.integers(220, 256, 3).tolist()))
            x, y = rng.integers(0, 44, 2).tolist()
            image.paste(COLOURS[colour], (x, y, x + 20, y + 20))
            data = io.BytesIO()
            image.save(data, "PNG")
            files[f"{split}/images/{i}.png"] = data.getvalue()
            asked = list(COLOURS)[rng.integers(3)]
            questions.append(["what color is the shape?", colour, i])
            questions.append([f"is there a {asked} shape?", "yes" if asked == colour else "no", i])
            questions.append([f"is there not a {asked} shape?", "no" if asked == colour else "yes", i])
        files[f"{split}/questions.json"] = json.dumps(questions[::-1]).encode()  # no order is promised
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            if name != leave_out:
                member = tarfile.TarInfo(f"easy_vqa/data/{name}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> EasyVQA:
    return read_easy_vqa(write_set(tmp_path_factory.mktemp("vqa") / "set.tar", {"train": 160, "test": 60}))


def patches(data: EasyVQA) -> list[torch.Tensor]:
    """A picture's 8 x 8 squares as tokens, float [n, 64, 192]."""
    sets = ([to_uint8(item.open()) for item in split.images] for split in (data.train, data.test))
    return [F.unfold(torch.stack(images).float() / 255, 8, stride=8).transpose(1, 2) for images in sets]


def codes(data: EasyVQA) -> list[torch.Tensor]:
    """The same as discrete tokens: each square's nearest of 4 colours, as a vector of e = 6."""
    palette = torch.tensor([*COLOURS.values(), (240, 240, 240)]) / 255
    vectors = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    return [vectors[torch.cdist(x.unflatten(2, (3, 64)).mean(3), palette).argmin(-1)] for x in patches(data)]


def test_reads_questions_beside_their_images(small: EasyVQA):
    assert small.answers == sorted(ANSWERS)
    for split, count in ((small.train, 160), (small.test, 60)):
        assert len(split.images) == count and len(split.words) == len(split.answers) == len(split.image_of) == 3 * count
        for words, answer, row in zip(split.words, split.answers, split.image_of.tolist(), strict=True):
            pixels = np.asarray(split.images[row].open()).reshape(-1, 3)
            shown = next(name for name, rgb in COLOURS.items() if (pixels == rgb).all(1).any())
            if words[0] == "what":
                assert words == ["what", "color", "is", "the", "shape"] and answer == shown
            else:
                asked = next(w for w in words if w in COLOURS)
                assert answer == ("yes" if (asked == shown) != ("not" in words) else "no")


def test_takes_the_first_images_of_a_split(tmp_path: Path):
    data = read_easy_vqa(write_set(tmp_path / "set.tar", {"train": 12, "test": 9}), 5, 4)
    assert [Path(i.name).stem for i in data.train.images] == list("01234") and len(data.train.words) == 15
    assert len(data.test.images) == 4 and data.test.image_of.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("leave_out", "message"),
    [
        ("answers.txt", "Expected a file data/answers.txt"),
        ("test/questions.json", "Expected easy_vqa/data/test/questions.json"),
        ("train/images/1.png", "Expected easy_vqa/data/train/images/1.png"),
    ],
)
def test_names_what_a_tar_lacks(tmp_path: Path, leave_out: str, message: str):
    with pytest.raises(UserError, match=message):
        read_easy_vqa(write_set(tmp_path / "set.tar", {"train": 3, "test": 3}, leave_out))


def test_refuses_other_files_and_unknown_answers(tmp_path: Path):
    with pytest.raises(UserError, match="tar of the easy-VQA repository"):
        read_easy_vqa(tmp_path / "nothing.tar")
    plain = write_set(tmp_path / "set.tar", {"train": 3, "test": 3})
    (tmp_path / "set.tar.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(UserError, match="uncompressed tar"):
        read_easy_vqa(tmp_path / "set.tar.gz")
    with pytest.raises(UserError, match=r"answers.txt for .* received \['no'\]"):
        read_easy_vqa(write_set(tmp_path / "other.tar", {"train": 9, "test": 9}, answers=[*COLOURS, "yes"]))


@pytest.mark.parametrize("tokens", [patches, codes], ids=["continuous", "discrete"])
def test_the_head_learns_what_the_tokens_show(small: EasyVQA, tokens):
    train, test = tokens(small)
    state = torch.get_rng_state()
    figures = vqa_accuracy(train, test, small, epochs=60)  # 600 steps: the set is small, and "not" turns answers round
    assert min(figures["accuracy"], figures["other"], figures["yes_no"]) > 0.95, figures
    assert torch.equal(torch.get_rng_state(), state)  # the caller's randomness is untouched
    assert vqa_accuracy(train, test, small, epochs=60) == figures
    # Tokens of other images say nothing: the head is back at the blind one.
    assert vqa_accuracy(train.roll(7, 0), test, small, epochs=60)["accuracy"] < 0.7


def test_without_an_image_only_the_questions_prior_is_left(small: EasyVQA):
    found = vqa_baselines(small)
    answers = [split.answers for split in (small.train, small.test)]
    commonest = max(set(answers[0]), key=answers[0].count)
    assert found["majority"] == pytest.approx(answers[1].count(commonest) / len(answers[1]))
    # Asked for one of three colours, "no" is right two times of three, and the colour itself one of three.
    assert 0.4 < found["blind"] < 0.68


def test_pools_to_14_and_folds_squares():
    square = torch.arange(28 * 28 * 2).float().view(1, 28, 28, 2)
    pooled = pool_tokens(square.flatten(1, 2))
    assert torch.allclose(pooled.view(1, 14, 14, 2)[0, 3, 5], square[0, 6:8, 10:12].mean((0, 1)))
    assert pool_tokens(torch.zeros(2, 27 * 27, 3)).shape == (2, 196, 3)
    odd = torch.arange(1, 10).float().view(1, 9, 1)  # 1 2 3 / 4 5 6 / 7 8 9
    assert fold(odd).tolist() == [[[1, 2, 4, 5], [3, 0, 6, 0], [7, 8, 0, 0], [9, 0, 0, 0]]]
    with pytest.raises(ValueError, match="square number of tokens"):
        pool_tokens(torch.zeros(1, 12, 3))


def test_refuses_tokens_of_other_images(small: EasyVQA):
    with pytest.raises(ValueError, match=r"\[60, tokens, width\] for the test images"):
        vqa_accuracy(torch.zeros(160, 4, 2), torch.zeros(59, 4, 2), small)


@pytest.mark.skipif(not real, reason="VQRAE_EASY_VQA is not set")
def test_reads_the_real_set():
    data = read_easy_vqa(real)
    assert (len(data.train.images), len(data.test.images)) == (4000, 1000)
    assert (len(data.train.words), len(data.test.words)) == (38_575, 9_673)  # as its README says
    assert sum(a in ("yes", "no") for a in data.train.answers) == 28_407
    assert sum(a in ("yes", "no") for a in data.test.answers) == 7_136
    assert len(data.answers) == 13 and len({tuple(w) for w in data.train.words}) == 107
    assert data.train.images[37].open().size == (64, 64)
    first = data.train.image_of == 0
    asked = {" ".join(w): a for w, a, mine in zip(data.train.words, data.train.answers, first, strict=True) if mine}
    assert asked["what is the blue shape"] == "rectangle" and asked["does the image not contain a gray shape"] == "yes"
