"""A decoder that moves to another encoder draws what it drew before."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F
from conftest import CROP, VIT, randomise
from safetensors.torch import load_file

from vqrae_training.config import load_config
from vqrae_training.data.images import normalise
from vqrae_training.errors import UserError
from vqrae_training.models.checkpoint import load_start, save_checkpoint, save_encoder
from vqrae_training.models.decoder import DecoderConfig
from vqrae_training.models.encoder import Encoder
from vqrae_training.models.vqrae import VQRAE, CodebookConfig
from vqrae_training.transplant import main, transplant

DECODER = DecoderConfig(hidden_size=16, intermediate_size=32, layers=1, heads=2, patch_size=4, head_kernel=3)


@pytest.fixture
def old(tmp_path) -> VQRAE:
    torch.manual_seed(5)
    return randomise(VQRAE(Encoder(VIT, CROP), CodebookConfig(32, 8, layers=(1, 3)), DECODER))


def settings(workspace, tmp_path, *more: str):
    torch.manual_seed(6)
    save_encoder(randomise(Encoder(VIT, CROP)), tmp_path / "encoder")
    d = asdict(DECODER)
    sizes = [f"decoder.{k}={d[k]}" for k in ("hidden_size", "intermediate_size", "layers", "heads", "patch_size", "head_kernel")]
    return [*sizes, "codebook.size=64", "codebook.dim=24", "codebook.layers=[1]", *more]


def test_the_new_codes_give_the_old_decoder_nearly_its_old_input(old, workspace, tmp_path):
    overrides = settings(workspace, tmp_path)
    folder, data = f'encoder.folder="{tmp_path / "encoder"}"', f'data.train=["{workspace / "photos"}*4"]'
    torch.manual_seed(0)
    new, explained = transplant(load_config("tiny-cpu", 1, [*overrides, folder, data]), old, 96)
    assert 0.3 < explained <= 1
    assert all(torch.equal(a, b) for a, b in zip(new.decoder.state_dict().values(), old.decoder.state_dict().values(), strict=True))
    # A projection that knows nothing of the old one explains nothing.
    pixels = normalise(torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8))
    with torch.no_grad():
        wanted, got = old(pixels).quantized.vectors, new(pixels).quantized.vectors
    assert F.mse_loss(got, wanted) < F.mse_loss(got.roll(1, 0).flip(1), wanted) * 1.5


def test_the_command_writes_what_train_starts_from(old, workspace, tmp_path):
    overrides = settings(workspace, tmp_path)
    save_checkpoint(old, tmp_path / "old", torch.float32)
    out = tmp_path / "start.safetensors"
    main(["--preset", "tiny-cpu", "--from", str(tmp_path / "old"), "--encoder", str(tmp_path / "encoder"),
          "--data", f"{workspace / 'photos'}*4", "--images", "64", "--out", str(out), "--set", *overrides])  # fmt: skip
    fresh = VQRAE(Encoder(VIT, CROP), CodebookConfig(64, 24, layers=(1,)), DECODER)
    assert load_start(fresh, out) == []
    written = load_file(out)
    assert torch.equal(fresh.decoder.head.weight, written["decoder.head.weight"])
    assert torch.allclose(fresh.quantizer.effective_codebook(), written["quantizer.codebook.weight"])


def test_another_decoder_is_refused(old, workspace, tmp_path):
    overrides = settings(workspace, tmp_path, "decoder.layers=2")
    config = load_config("tiny-cpu", 1, [*overrides, f'encoder.folder="{tmp_path / "encoder"}"'])
    with pytest.raises(UserError, match="Expected a decoder as the new one, .*layers=2.* but received .*layers=1"):
        transplant(config, old, 8)
