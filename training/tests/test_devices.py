"""Where a batch goes. PyTorch's meta device stands in for one that this machine lacks: it refuses tensors of another one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.fx.experimental import _config
from vlm_runs import small_vlm

from vqrae_training.engine.distributed import alone
from vqrae_training.errors import UserError
from vqrae_training.generator import train as generator
from vqrae_training.generator.export import load_run
from vqrae_training.vlm import train as vlm
from vqrae_training.vlm.batches import Picture, make_batch

META = torch.device("meta")
QUESTIONS = [[("what is it?", "a blue circle")], [("is it blue?", "yes")]]


def picture() -> Picture:
    return Picture(torch.zeros(1, 16, 16, dtype=torch.float16), QUESTIONS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device")
def test_a_device_that_is_not_there_is_named_by_its_field():
    with pytest.raises(UserError, match="for train.device but received 'cuda'.*Use train.device=cpu"):
        alone("cuda", "train.device")
    assert alone("auto", "train.device") == alone("cpu", "run.device") == torch.device("cpu")


def test_a_trainer_of_one_process_refuses_others(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="Expected one process.*WORLD_SIZE=2"):
        alone("cpu", "run.device")


def test_the_generators_figures_are_computed_where_the_model_is(generator_folder, monkeypatch):
    model, sequences, _ = load_run(generator_folder / "run")
    seen = []
    monkeypatch.setattr(generator, "visual_loss", lambda model, batch: seen.append({p.device for p in batch}) or torch.zeros(()))
    generator.validation_losses(model.to(META), sequences)
    assert seen and all(devices == {META} for devices in seen)


def test_a_vlms_batch_is_of_one_device():
    model, tokenizer = small_vlm()
    model.to(META)
    batch = make_batch([picture(), picture()], tokenizer)
    with _config.patch(meta_nonzero_assume_all_nonzero=True):
        with pytest.raises((RuntimeError, ValueError), match="device"):
            model(batch)
        logits = model(batch.to(META))
    assert logits.device == model.device == META
    logits.sum().backward()
    assert all(p.grad is not None and p.grad.device == META for p in model.projector.parameters())


def test_a_vlms_figures_are_computed_where_the_model_is(monkeypatch):
    model, tokenizer = small_vlm()
    model.to(META)
    corpus = SimpleNamespace(monitored=lambda: {"captions": [picture()], "yes_no": [picture()]})
    seen = []

    def forward(batch):
        seen.append(batch.ids.device)
        return torch.zeros(len(batch.targets), 4)

    monkeypatch.setattr(model, "forward", forward)
    monkeypatch.setattr(vlm, "turn_loss", lambda logits, batch: torch.zeros(()))
    monkeypatch.setattr(vlm, "right_answers", lambda model, batch: seen.append(batch.targets.device) or [True])
    vlm.evaluate(model, corpus, tokenizer)
    assert seen == [META, META]
