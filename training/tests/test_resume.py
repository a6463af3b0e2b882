"""The four training loops go on from last.pt as if nothing had happened, on miniature models and data."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import generator_runs
import numpy as np
import pytest
import runner
import torch
import vlm_runs
from conftest import SIZES
from test_schedule import constant_then_line, cosine_from_the_start, warm_cosine

from vqrae_training import train as tokenizer_loop
from vqrae_training.data.images import IMAGENET_MEAN, IMAGENET_STD
from vqrae_training.engine.resume import read_last, read_state, restore, save_state, write_whole
from vqrae_training.errors import UserError
from vqrae_training.foundation import distil as foundation_loop
from vqrae_training.foundation import integer_teacher, model
from vqrae_training.generator import train as generator_loop
from vqrae_training.models.decoder import pixel_patches
from vqrae_training.models.encoder import Encoder
from vqrae_training.models.image_spec import ImageSpec
from vqrae_training.vlm import train as vlm_loop


class Loop(NamedTuple):
    module: ModuleType
    run: Callable[..., None]  # run(out, *changes), a few steps
    stops: tuple[int, ...]  # a start gets that far, in steps of its own, and is killed; then the run starts again
    rates: Callable[[float], list[float]]  # peak -> every step's rate, by the formula that the loop had of its own
    setting: str  # of the peak
    peak: float


class Killed(Exception):
    pass


# --- the four loops ---


class FakeTeacher:
    """Tokens and logits that follow from the pixels alone, as the integer network's do."""

    params: dict = {}

    def __init__(self, _path: str):
        self.mix = torch.randn(3 * 64, 32, generator=torch.Generator().manual_seed(0))

    def forward(self, pixels: torch.Tensor, blocks: tuple[int, ...] = (12,)) -> tuple[list[torch.Tensor], torch.Tensor]:
        tokens = pixel_patches(pixels, 8) @ self.mix
        tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1)
        return [tokens * block for block in blocks], tokens[:, 0].repeat(1, 32)[:, :1000]


def start_of_the_foundation(_params: dict) -> dict[str, torch.Tensor]:
    vit = Encoder(model.CONFIG, ImageSpec(16, 16, "bicubic", "crop", IMAGENET_MEAN, IMAGENET_STD)).disk_tensors()
    head = torch.nn.Linear(32, 1000)
    return {f"vit.{name}": t for name, t in vit.items()} | {f"classifier.{name}": t for name, t in head.state_dict().items()}


@pytest.fixture(params=["tokenizer", "vlm", "generator", "foundation"])
def loop(request: pytest.FixtureRequest, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Loop:
    if request.param == "tokenizer":  # stage 2, where everything that can learn does
        options = ["--init none", "run.steps=6", "run.log_every=1", "run.eval_every=2", "optimiser.warmup=2", "optimiser.end_lr=1e-5", "optimiser.ema=0.9",
                   "gan.weight=0.1", "gan.start=1", "gan.wait=1", "gan.width=8", "decoder.patch_size=8"]  # fmt: skip

        def train_tokenizer(out: Path, *changes: str) -> None:
            done = runner.run(workspace, out, 2, *options, *changes)
            if done.returncode:
                raise UserError(done.stderr)

        rates = lambda peak: [warm_cosine(step, 6, 2, peak, 1e-5) for step in range(6)]
        return Loop(tokenizer_loop, train_tokenizer, (0, 3), rates, "optimiser.lr", 3e-3)
    if request.param == "vlm":
        data = request.getfixturevalue("vlm_data")

        def train_vlm(out: Path, *changes: str) -> None:
            vlm_runs.train(data, out, "run.log_every=1", "run.eval_every=2", "both.warmup=2", *changes)

        first = [warm_cosine(step, 4, 50, 2e-3, 1e-3) for step in range(4)]
        rates = lambda peak: [*first, *first, *(warm_cosine(step, 6, 2, peak, 2e-5) for step in range(6))]
        return Loop(vlm_loop, train_vlm, (0, 6, 7), rates, "both.lr", 2e-3)
    if request.param == "generator":
        folder = request.getfixturevalue("generator_folder")

        def train_generator(out: Path, *changes: str) -> None:
            try:
                generator_runs.train(folder, out, "train.steps=6", "train.cooldown=2", "train.eval_every=2", *changes)
            except AssertionError as failed:
                raise UserError(str(failed)) from None

        rates = lambda peak: [constant_then_line(step, 6, 2, 2, peak) for step in range(6)]
        return Loop(generator_loop, train_generator, (0, 3), rates, "train.lr", 2e-3)
    for name, value in {"WIDTH": 32, "GRID": 2, "PATCH": 8, "IntegerDeiT": FakeTeacher}.items():
        monkeypatch.setattr(integer_teacher, name, value)
    for name, value in (SIZES | {"image_size": 16, "num_hidden_layers": 12}).items():
        monkeypatch.setitem(model.CONFIG, name, value)
    monkeypatch.setattr(foundation_loop, "dequantise", start_of_the_foundation)
    photos = str(workspace / "photos")

    def train_foundation(out: Path, *changes: str) -> None:
        lr = next((float(change.removeprefix("lr=")) for change in changes if change.startswith("lr=")), 5e-4)
        small = {"steps": 6, "batch": 4, "threads": 1, "log_every": 1, "eval_every": 2}
        config = foundation_loop.FoundationConfig("teacher", (photos,), photos, lr=lr, **small)
        foundation_loop.train(config, out, "--allow-changes" in changes)

    rates = lambda peak: [cosine_from_the_start(step, 6, peak) for step in range(6)]
    return Loop(foundation_loop, train_foundation, (0, 3), rates, "lr", 5e-4)


def killed_at(loop: Loop, step: int, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, set_rates = iter(range(1000)), loop.module.set_learning_rates

    def once(*arguments):
        if next(calls) == step:
            raise Killed
        return set_rates(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop.module, "set_learning_rates", once)
        with pytest.raises(Killed):
            loop.run(out)


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(value, b[name]) for name, value in a.items())
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or a != a and b != b


def test_a_run_killed_in_the_middle_ends_as_an_undisturbed_one(loop, tmp_path, monkeypatch):
    loop.run(tmp_path / "whole")
    for step in loop.stops:
        killed_at(loop, step, tmp_path / "killed", monkeypatch)
    loop.run(tmp_path / "killed")
    whole, killed = (read_last(tmp_path / name / "last.pt") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys()
    for name, value in whole.items():
        if name == "rng":  # the loops seed PyTorch alone: NumPy's and Python's numbers are those of the tests before
            value, killed[name] = value["torch"], killed[name]["torch"]
        assert same(value, killed[name]), name
    for name in ("step", "loss", "lr"):  # the record has no step twice
        assert runner.metrics(tmp_path / "whole", name) == runner.metrics(tmp_path / "killed", name), name
    assert runner.metrics(tmp_path / "whole", "lr") == pytest.approx(loop.rates(loop.peak), rel=1e-4)


def test_another_configuration_is_refused_and_taken_on_request(loop, tmp_path, monkeypatch):
    killed_at(loop, 3, tmp_path, monkeypatch)
    before = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(UserError, match=f"{loop.setting}: {loop.peak} -> 0.001"):
        loop.run(tmp_path, f"{loop.setting}=0.001")
    assert (tmp_path / "last.pt").read_bytes() == before
    loop.run(tmp_path, f"{loop.setting}=0.001", "--allow-changes")
    rates = [*loop.rates(loop.peak)[:2], *loop.rates(0.001)[2:]]
    assert runner.metrics(tmp_path, "lr") == pytest.approx(rates, rel=1e-4)


# --- the file ---


@pytest.fixture
def parts() -> tuple[torch.nn.Module, list[torch.optim.Optimizer]]:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    return layer, [torch.optim.AdamW(layer.parameters(), lr=0.1)]


def config(**changes) -> foundation_loop.FoundationConfig:
    return foundation_loop.FoundationConfig("t", ("a",), "v", **changes)


def test_random_numbers_go_on(parts, tmp_path):
    file = tmp_path / "last.pt"
    save_state(file, config(), *parts, {"step": 3})
    draw = lambda: (torch.rand(2).tolist(), np.random.rand(2).tolist())
    wanted = draw()
    assert draw() != wanted
    restore(read_state(file, config(), False), *parts)
    assert draw() == wanted


def test_fields_that_change_no_weight_may_differ(parts, tmp_path):
    file = tmp_path / "last.pt"
    save_state(file, config(), *parts, {"step": 3})
    assert read_state(file, config(threads=1, eval_every=5, device="cuda"), False)["step"] == 3
    with pytest.raises(UserError, match="steps: 1500 -> 9"):
        read_state(file, config(steps=9), False)
    assert read_state(tmp_path / "nothing.pt", config(), False) is None


def test_what_an_earlier_version_wrote_is_said(parts, tmp_path):
    file = tmp_path / "last.pt"
    save_state(file, config(), *parts, {"step": 3})
    state = read_last(file)
    torch.save({name: state[name] for name in ("model", "optimiser", "config", "step")}, file)  # a VLM's: no random numbers
    with pytest.raises(UserError, match="a file without rng: an earlier version wrote it"):
        read_state(file, config(), True)
    torch.save(state | {"config": state["config"] | {"gone": 1}}, file)
    with pytest.raises(UserError, match="(?s)last.pt but received another's: .*'gone'"):
        read_state(file, config(), True)
    # A tokenizer's or a generator's went on to be read: it held NumPy's array.
    kind, keys, *rest = state["rng"]["numpy"]
    torch.save(state | {"rng": state["rng"] | {"numpy": (kind, np.array(keys, np.uint32), *rest)}}, file)
    restore(read_state(file, config(), False), *parts)


def test_what_is_no_run_is_said_and_never_executed(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "touched",))

    file = tmp_path / "last.pt"
    torch.save({"model": Evil(), "config": {}}, file, pickle_module=pickle)
    with pytest.raises(UserError, match="Expected the last.pt of a run"):
        read_last(file)
    assert not (tmp_path / "touched").exists()
    file.write_bytes(b"PK\3\4 cut short")
    with pytest.raises(UserError, match="Expected the last.pt of a run"):
        read_last(file)
    torch.save({"weight": torch.zeros(1)}, file)
    with pytest.raises(UserError, match="has no model and config"):
        read_last(file)


def test_another_model_and_a_missing_part_are_said(parts, tmp_path):
    file = tmp_path / "last.pt"
    save_state(file, config(), *parts, {"step": 3})
    state = read_last(file)
    with pytest.raises(UserError, match="received no 'ema'"):
        restore(state, *parts, {"ema": parts[0]})
    wider = torch.nn.Linear(4, 2)
    with pytest.raises(UserError, match="Expected weights and moments of this configuration"):
        restore(state, wider, [torch.optim.AdamW(wider.parameters())])


def test_a_write_that_fails_keeps_the_file_before(tmp_path, monkeypatch):
    file = tmp_path / "last.pt"
    write_whole(file, {"step": 1})

    def half(_state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(UserError, match="the disk is full. The previous last.pt is kept"):
        write_whole(file, {"step": 2})
    assert torch.load(file)["step"] == 1 and [f.name for f in tmp_path.iterdir()] == ["last.pt"]
