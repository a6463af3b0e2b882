"""The whole recipe on a miniature encoder: stage 1, a killed run that resumes, stage 2, the adversarial term, export."""

import dataclasses
import json
import os
import subprocess

import numpy as np
import pytest
import torch
from runner import TRAINING, command, metrics, run, run_here
from safetensors.torch import load_file, save_file

from vqrae_training.data.cache import CachedViews
from vqrae_training.engine.runs import load_weights
from vqrae_training.models.checkpoint import load_checkpoint
from vqrae_training.models.vqrae import VQRAE


def weights(out) -> dict[str, torch.Tensor]:
    return torch.load(out / "last.pt", weights_only=False)["model"]


@pytest.fixture(scope="module")
def stage1(workspace):
    out = workspace / "stage1"
    done = run(workspace, out, 1, "run.steps=60", "optimiser.ema=0.9")
    assert done.returncode == 0, done.stderr
    return out


def test_stage1_learns(stage1):
    psnr = metrics(stage1, "val_psnr")
    assert psnr[-1] > psnr[0] + 1
    assert metrics(stage1, "val_ssim")[-1] > metrics(stage1, "val_ssim")[0]
    assert (stage1 / "val_000060.png").stat().st_size > 500


def test_stage1_leaves_encoder_and_codebook_alone(workspace, stage1):
    before = load_file(workspace / "encoder" / "model.safetensors")
    after = load_file(stage1 / "checkpoint" / "model.safetensors")
    assert all(torch.equal(t.half(), after[f"encoder.{name}"]) for name, t in before.items() if f"encoder.{name}" in after)


def test_a_killed_run_resumes_to_the_same_weights(workspace, stage1):
    out = workspace / "resumed"
    arguments = command(workspace, out, 1, "run.steps=60", "optimiser.ema=0.9")
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=TRAINING)
    while not (out / "last.pt").exists():
        assert process.poll() is None
    process.kill()
    process.wait()
    step = torch.load(out / "last.pt", weights_only=False)["step"]
    assert step < 60
    done = run(workspace, out, 1, "run.steps=60", "optimiser.ema=0.9")
    assert done.returncode == 0 and f"resumed at step {step}" in done.stdout, done.stderr
    whole, resumed = (torch.load(f / "last.pt", weights_only=False) for f in (stage1, out))
    assert all(torch.equal(t, resumed["model"][name]) for name, t in whole["model"].items())
    assert metrics(out, "loss") == metrics(stage1, "loss")
    for a, b in zip(_tensors(whole["ema"]), _tensors(resumed["ema"]), strict=True):
        assert torch.equal(a, b)


def _tensors(tree) -> list[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        return [tree]
    return [t for value in tree.values() for t in _tensors(value)] if isinstance(tree, dict) else []


def test_another_configuration_does_not_resume_silently(workspace, stage1):
    done = run(workspace, stage1, 1, "run.steps=60", "optimiser.ema=0.9", "optimiser.lr=1e-2")
    assert done.returncode == 1
    assert "optimiser.lr: 0.003 -> 0.01" in done.stderr and "--allow-changes" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cache_of_other_views_is_refused(workspace, stage1, tmp_path):
    done = run(workspace, tmp_path, 1, "run.steps=5", "run.seed=4", f"data.cache_folder={stage1 / 'cache'}")
    assert done.returncode == 1 and "(seed differ)" in done.stderr


@pytest.fixture(scope="module")
def stage2(workspace, stage1):
    out = workspace / "stage2"
    done = run(workspace, out, 2, f"--init {stage1 / 'last.pt'}", "run.steps=20", "run.checkpointing=true")
    assert done.returncode == 0, done.stderr
    return out


def test_stage2_moves_the_encoder_and_stays_near_the_teacher(stage1, stage2):
    assert metrics(stage2, "teacher_cosine")[-1] > 0.98
    before, after = weights(stage1), weights(stage2)
    assert any(not torch.equal(t, after[name]) for name, t in before.items() if name.startswith("encoder."))
    assert torch.equal(before["quantizer.codebook.weight"], after["quantizer.codebook.weight"])
    config = json.loads((stage2 / "checkpoint" / "config.json").read_text())
    assert config["codebook"] == {"size": 64, "dim": 32, "bias": False, "layers": [1, 3], "normalize": True}
    assert load_file(stage2 / "checkpoint" / "model.safetensors")["decoder.head.weight"].dtype == torch.float16


def test_a_larger_pixel_head_starts_from_a_smaller_one(workspace, stage2, tmp_path):
    done = run(workspace, tmp_path, 1, f"--init {stage2 / 'last.pt'}", "run.steps=10", "decoder.head_kernel=3")
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path, "val_psnr")[0] > metrics(stage2, "val_psnr")[-1] - 1
    assert weights(tmp_path)["decoder.head.weight"].shape[2:] == (3, 3)


def test_a_checkpoint_folder_is_a_start(workspace, stage2, tmp_path):
    arguments = command(workspace, tmp_path, 1, f"--init {stage2 / 'checkpoint'}", "run.steps=10")[3:]
    at = arguments.index("--encoder")
    done = run_here(arguments[:at] + arguments[at + 2 :])
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path, "val_psnr")[0] > metrics(stage2, "val_psnr")[-1] - 1
    before = load_file(stage2 / "checkpoint" / "model.safetensors")
    after = load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert all(torch.equal(t, after[name]) for name, t in before.items() if name.startswith("encoder."))


def test_a_frozen_codebook_keeps_its_ids_while_a_deeper_decoder_learns(workspace, stage2, tmp_path):
    start = load_checkpoint(stage2 / "checkpoint").eval()
    for cached in ("true", "false"):
        out = tmp_path / cached
        named = (f"--init {stage2 / 'checkpoint'}", "codebook.frozen=true", "decoder.layers=3", f"data.cache={cached}",
                 "loss.seam_weight=0.5")  # fmt: skip
        done = run(workspace, out, 1, *named, "run.steps=20")
        assert done.returncode == 0, done.stderr
        before, after = (load_file(f / "checkpoint" / "model.safetensors") for f in (stage2, out))
        ids_depend_on = [n for n in before if n.startswith(("encoder.", "quantizer.")) and "out_proj" not in n]
        assert all(torch.equal(before[n], after[n]) for n in ids_depend_on)
        learnt = ("quantizer.out_proj.weight", "decoder.layer.0.output.dense.weight", "decoder.layer.2.output.dense.weight")
        trained = load_checkpoint(out / "checkpoint").eval()
        assert not any(torch.equal(before[n], after[n]) for n in learnt if n in before) and len(trained.decoder.layer) == 3
        x = torch.rand(2, 3, 32, 32)
        with torch.no_grad():
            assert torch.equal(start(x).quantized.ids, trained(x).quantized.ids)
    kept = np.load(tmp_path / "true" / "cache" / "tokens.npy", mmap_mode="r")
    assert kept.dtype == np.int32 and kept.ndim == 2 and kept.max() < 64
    refused = run(workspace, tmp_path / "none", 1, "codebook.frozen=true", "run.steps=1")
    assert refused.returncode == 1 and "for codebook.frozen but received stage 1 and nothing" in refused.stderr


def test_a_further_decoder_block_starts_near_the_identity(stage2):
    start = load_checkpoint(stage2 / "checkpoint").eval()
    deeper = VQRAE(start.encoder, start.codebook_config, dataclasses.replace(start.decoder.config, layers=3)).eval()
    load_weights(deeper, stage2 / "checkpoint")
    with torch.no_grad():
        one, other = (model(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))).pixels for model in (start, deeper))
    assert 0 < (one - other).abs().mean() < 0.01 < one.std()


def test_imported_tensors_are_a_start_and_the_rest_starts_from_data(workspace, stage1, tmp_path):
    tensors = load_file(stage1 / "checkpoint" / "model.safetensors")
    save_file({k: t for k, t in tensors.items() if k.startswith("decoder.")}, tmp_path / "decoder.safetensors")
    done = run(workspace, tmp_path / "out", 1, f"--init {tmp_path / 'decoder.safetensors'}", "run.steps=1", "optimiser.lr=1e-9")
    assert done.returncode == 0, done.stderr
    assert "codebook initialised" in done.stdout and "leaves 6 tensors" in done.stdout
    after = load_file(tmp_path / "out" / "checkpoint" / "model.safetensors")
    assert torch.allclose(after["decoder.head.weight"].float(), tensors["decoder.head.weight"].float(), atol=1e-4)


def test_one_stage_without_distillation(workspace, tmp_path):
    done = run(workspace, tmp_path, 2, "--init none", "run.steps=10", "loss.distill_weight=0")
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path, "val_psnr")


def test_the_adversarial_term_starts_when_it_is_told(workspace, tmp_path):
    done = run(workspace, tmp_path, 2, "--init none", "run.steps=15", "gan.weight=0.1", "gan.adaptive=true", "gan.start=5",
               "gan.wait=5", "gan.width=8", "gan.lr=1e-3", "optimiser.ema=0.9", "decoder.patch_size=8")  # fmt: skip
    assert done.returncode == 0, done.stderr
    generator, discriminator = metrics(tmp_path, "generator"), metrics(tmp_path, "discriminator")
    assert generator[:2] == [0, 0] and generator[2] != 0
    assert discriminator[0] == 0 and discriminator[1] > 0


def test_accumulated_micro_batches_are_one_batch(workspace, stage1, tmp_path):
    done = run(workspace, tmp_path, 1, "run.steps=60", "optimiser.ema=0.9", "run.micro_batch=2", f"data.cache_folder={stage1 / 'cache'}")
    assert done.returncode == 0, done.stderr
    assert metrics(tmp_path, "loss") == pytest.approx(metrics(stage1, "loss"), rel=1e-3)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_weights(workspace, stage1, tmp_path):
    options = ("run.steps=60", "optimiser.lr=1e38", "optimiser.clip=0", "run.eval_every=1", f"data.cache_folder={stage1 / 'cache'}")
    done = run(workspace, tmp_path, 1, *options)
    assert done.returncode == 1 and "Expected a finite loss but received" in done.stderr and "Traceback" not in done.stderr
    assert torch.load(tmp_path / "last.pt", weights_only=False)["step"] >= 1


def test_the_cache_holds_every_view_once_an_epoch(stage1):
    cache = CachedViews(stage1 / "cache", seed=0)
    seen = torch.stack([cache[i][1] for i in range(len(cache))])
    assert len(seen.flatten(1).unique(dim=0)) == len(torch.from_numpy(cache.targets.copy()).flatten(1).unique(dim=0))
    assert torch.equal(cache[3][1], CachedViews(stage1 / "cache", seed=0)[3][1])
    assert not torch.equal(cache[3][1], CachedViews(stage1 / "cache", seed=1)[3][1])


def test_a_checkpoint_loads_as_it_was_saved(stage2):
    model = load_checkpoint(stage2 / "checkpoint")
    trained = weights(stage2)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, trained[name].half().float()), name


def test_a_full_disk_is_said_and_the_checkpoint_kept(workspace, stage1, tmp_path):
    """A small file-size limit stands in for a full disk: writes fail half-way."""
    arguments = command(workspace, tmp_path, 1, "run.steps=10", f"data.cache_folder={stage1 / 'cache'}")
    limited = ["bash", "-c", 'ulimit -f 64; trap "" XFSZ; exec "$@"', "bash", *arguments]
    done = subprocess.run(limited, capture_output=True, text=True, cwd=TRAINING, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 1 and "Expected to write" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not list(tmp_path.glob("*.tmp"))
