"""torchrun on the CPU (gloo): ranks change nothing but speed."""

import pytest
import torch
from runner import metrics, run

STEPS = ("run.steps=20", "run.batch=16")


@pytest.fixture(scope="module")
def alone(workspace):
    out = workspace / "alone"
    done = run(workspace, out, 1, *STEPS)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_two_ranks_learn_as_one_with_the_doubled_batch(workspace, alone, tmp_path, parallel):
    done = run(workspace, tmp_path, 1, *STEPS, f"run.parallel={parallel}", f"data.cache_folder={alone / 'cache'}", ranks=2)
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path, "loss") == pytest.approx(metrics(alone, "loss"), rel=1e-3)
    assert metrics(tmp_path, "val_psnr") == pytest.approx(metrics(alone, "val_psnr"), abs=0.02)


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_stage_2_on_two_ranks(workspace, alone, tmp_path, parallel):
    init = f"--init {alone / 'last.pt'}"
    for ranks, name in ((1, "one"), (2, "two")):
        done = run(workspace, tmp_path / name, 2, init, "run.steps=10", "run.batch=16", f"run.parallel={parallel}", ranks=ranks)
        assert done.returncode == 0, done.stderr
    one, two = tmp_path / "one", tmp_path / "two"
    assert metrics(two, "loss") == pytest.approx(metrics(one, "loss"), rel=2e-3)
    a, b = (torch.load(f / "last.pt", weights_only=False)["model"] for f in (one, two))
    assert all(torch.allclose(t, b[name], atol=2e-3) for name, t in a.items())
    # What two ranks wrote, one goes on with.
    done = run(workspace, two, 2, init, "--allow-changes", "run.steps=12", "run.batch=16")
    assert done.returncode == 0 and "resumed at step 10" in done.stdout, done.stderr
