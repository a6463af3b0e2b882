"""The whole recipe on a tiny random encoder: stage 1, a killed run that resumes, stage 2, export."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from vqrae_training.data.cache import FeatureCache
from vqrae_training.models.checkpoint import load_checkpoint

ARGS = ["--codebook-size", "64", "--codebook-dim", "16", "--codebook-layers", "1", "3", "--decoder-layers", "2",
        "--decoder-patch", "4", "--batch", "8", "--val-every", "2", "--log-every", "5", "--threads", "1",
        "--warmup", "5", "--lr", "3e-3"]  # fmt: skip


def run(workspace: Path, out: Path, stage: int, steps: int, *extra: str) -> subprocess.CompletedProcess:
    photos = str(workspace / "photos")
    command = [sys.executable, "-m", "vqrae_training.train", "--stage", str(stage), "--steps", str(steps),
               "--encoder", str(workspace / "encoder"), "--data", f"{photos}*30", "--val", photos,
               "--out", str(out), "--eval-every", "10", *ARGS, *extra]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])


def metrics(out: Path, key: str) -> list[float]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line[key] for line in lines if key in line]


@pytest.fixture(scope="module")
def stage1(workspace):
    out = workspace / "stage1"
    done = run(workspace, out, 1, 60)
    assert done.returncode == 0, done.stderr
    return out


def test_stage1_learns(stage1):
    psnr = metrics(stage1, "val_psnr")
    assert psnr[-1] > psnr[0] + 1
    assert (stage1 / "val_000060.png").stat().st_size > 500


def test_stage1_leaves_the_encoder_alone(workspace, stage1):
    before = load_file(workspace / "encoder" / "model.safetensors")
    after = torch.load(stage1 / "last.pt")["model"]
    assert all(torch.equal(t, after[f"encoder.{name}"]) for name, t in before.items())


def test_a_stopped_run_resumes_to_the_same_weights(workspace, stage1):
    out = workspace / "resumed"
    # The schedule depends on --steps, so the first part stops by a lost process, not by a smaller --steps.
    photos = str(workspace / "photos")
    command = [sys.executable, "-m", "vqrae_training.train", "--stage", "1", "--steps", "60", "--encoder",
               str(workspace / "encoder"), "--data", f"{photos}*30", "--val", photos, "--out", str(out),
               "--eval-every", "10", *ARGS]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    for line in process.stdout:
        if '"step": 20' in line and "val_psnr" in line:
            break
    while not (out / "last.pt").exists() or torch.load(out / "last.pt")["step"] < 20:
        pass
    process.kill()
    process.wait()
    done = run(workspace, out, 1, 60)
    assert done.returncode == 0 and "resumed at step" in done.stdout, done.stderr
    whole, resumed = (torch.load(folder / "last.pt")["model"] for folder in (stage1, out))
    assert all(torch.allclose(t, resumed[name], atol=1e-6) for name, t in whole.items())


def test_stage2_moves_the_encoder_and_stays_near_the_teacher(workspace, stage1):
    out = workspace / "stage2"
    done = run(workspace, out, 2, 20, "--init", str(stage1 / "last.pt"))
    assert done.returncode == 0, done.stderr
    assert metrics(out, "teacher_cosine")[-1] > 0.98
    before, after = (torch.load(f / "last.pt")["model"] for f in (stage1, out))
    assert any(not torch.equal(t, after[name]) for name, t in before.items() if name.startswith("encoder."))
    assert torch.equal(before["quantizer.codebook.weight"], after["quantizer.codebook.weight"])
    config = json.loads((out / "checkpoint" / "config.json").read_text())
    assert config["codebook"] == {"size": 64, "dim": 16, "bias": False, "layers": [1, 3], "normalize": True}
    assert load_file(out / "checkpoint" / "model.safetensors")["decoder.head.weight"].dtype == torch.float16


def test_every_view_is_seen_once_an_epoch(stage1):
    cache = FeatureCache(stage1 / "cache")
    seen = torch.cat([cache.sample(step, 8, 0)[1].flatten(1) for step in range(len(cache) // 8)])
    assert len(seen) == len(cache)
    again = cache.sample(3, 8, 0)[1]
    assert torch.equal(again, cache.sample(3, 8, 0)[1])
    assert not torch.equal(again, cache.sample(3, 8, 1)[1])


def test_missing_data_is_said(workspace, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "vqrae_training.train", "--stage", "1", "--encoder", str(workspace / "encoder"),
         "--data", str(tmp_path / "nothing"), "--val", str(workspace / "photos"), "--out", str(tmp_path / "out")],
        capture_output=True, text=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert done.returncode != 0
    assert "Expected a folder or tar of images" in done.stderr


def test_a_checkpoint_loads_as_it_was_saved(workspace, stage1):
    model = load_checkpoint(stage1 / "checkpoint")
    trained = torch.load(stage1 / "last.pt")["model"]
    assert model.config.codebook.layers == (1, 3)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, trained[name].half().float()), name
