"""A VLM's run that learns something new and keeps what it knew: Learning without Forgetting (Li and Hoiem 2016)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from vlm_runs import SMALL, small_vlm, train

from vqrae_training.__main__ import main
from vqrae_training.config import load_sections
from vqrae_training.errors import UserError
from vqrae_training.language.qwen3 import build_language_model
from vqrae_training.vlm import train as trainer
from vqrae_training.vlm.batches import Picture, make_batch
from vqrae_training.vlm.config import DataSection, VlmConfig
from vqrae_training.vlm.data import Corpus
from vqrae_training.vlm.features import Features
from vqrae_training.vlm.model import Projector, Vlm
from vqrae_training.vlm.train import Teacher, turn_loss


@pytest.fixture(scope="module")
def start(vlm_data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("keep")
    train(vlm_data, root / "run", "text.steps=30", "projector.steps=10", "both.steps=30", "run.eval_every=100")
    main(["vlm", "export", str(root / "run"), "--out", str(root / "vlm"), "--name", "small"])
    return root / "vlm"


def more(data: dict[str, Path], start: Path, out: Path, keep: str) -> dict:
    options = [f"run.init={json.dumps(str(start))}", "text.steps=0", "projector.steps=0", "both.steps=30", "both.warmup=5"]
    return train(data, out, *options, "both.lr=0.01", "run.eval_every=10", "data.easy_share=0.5", f"run.keep={keep}")


def test_what_is_kept_strays_less_from_where_the_run_began(vlm_data, start, tmp_path):
    tokenizer = Tokenizer.from_file(str(start.parent / "run/tokenizer.json"))
    items = [item for item, _ in Corpus(DataSection(easy_vqa=str(vlm_data["easy"]), easy_share=1)).easy_test]
    features = Features(start.parent / "run/features/shapes")
    talks = [[("what color is the shape?", "blue")], [("is there a circle?", "yes")]]
    batch = make_batch([Picture(features.of(item.name), talks) for item in items], tokenizer)
    known = Teacher(loaded(start.parent / "run"), ["easy_vqa"]).knows("easy_vqa", batch)
    strayed = {}
    for keep in ("[]", '["easy_vqa"]'):
        out = tmp_path / str(len(keep))
        more(vlm_data, start, out, keep)
        strayed[keep] = turn_loss(loaded(out)(batch), batch, known).item()
    assert 0 < strayed['["easy_vqa"]'] < 0.5 * strayed["[]"]


@torch.no_grad()
def loaded(run: Path) -> Vlm:
    language = load_sections(VlmConfig, "vlm/tiny", SMALL).language
    model = Vlm(Projector(32, 32), build_language_model(language, 400))
    model.load_state_dict(torch.load(run / "last.pt", weights_only=True)["model"])
    return model


def test_the_loss_is_the_divergence_from_the_teacher():
    vlm, tokenizer = small_vlm()
    talks = [[("how many?", "3"), ("what is it?", "a blue circle")], [("is it?", "yes")]]
    batch = make_batch([Picture(torch.randn(1, 16, 16).half(), talks)], tokenizer)
    known = Teacher(vlm, ["rooms"]).knows("rooms", batch)
    assert turn_loss(known, batch, known).item() == pytest.approx(0, abs=1e-7)
    logits = known + torch.randn_like(known)
    p, q = (F.softmax(x, -1) for x in (known, logits))
    of_token = (p * (p / q).log()).sum(-1)
    wanted = torch.stack([of_token[batch.turn_of == turn].mean() for turn in range(3)]).mean()
    assert turn_loss(logits, batch, known).item() == pytest.approx(wanted.item(), rel=1e-4)


def test_the_teacher_stays_as_it_was():
    vlm, tokenizer = small_vlm()
    batch = make_batch([Picture(torch.randn(1, 16, 16).half(), [[("blue?", "yes")]])], tokenizer)
    teacher = Teacher(vlm, ["photos"])
    before = teacher.knows("photos", batch)
    with torch.no_grad():
        for p in vlm.parameters():
            p.add_(0.1)
    assert torch.equal(teacher.knows("photos", batch), before)
    assert teacher.knows("nlvr", batch) is None  # learnt from the data


def test_a_killed_run_that_keeps_goes_on_to_the_same_weights(vlm_data, start, tmp_path, monkeypatch):
    whole = more(vlm_data, start, tmp_path / "whole", '["easy_vqa"]')
    calls = iter(range(1000))

    def once(*arguments):
        if next(calls) == 17:
            raise KeyboardInterrupt
        return turn_loss(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "turn_loss", once)
        with pytest.raises(KeyboardInterrupt):
            more(vlm_data, start, tmp_path / "killed", '["easy_vqa"]')
    again = more(vlm_data, start, tmp_path / "killed", '["easy_vqa"]')
    assert again["done"] == whole["done"] == 30
    assert all(torch.equal(tensor, again["model"][name]) for name, tensor in whole["model"].items())


def test_what_cannot_be_kept_is_named(vlm_data, start, tmp_path):
    with pytest.raises(UserError, match="Expected photos, named, rooms, easy_vqa, nlvr for run.keep but received stars"):
        more(vlm_data, start, tmp_path / "run", '["stars"]')
    with pytest.raises(UserError, match="Expected --init for run.keep but received none"):
        train(vlm_data, tmp_path / "other", 'run.keep=["nlvr"]')
