"""Checkpoints: written, read back, and loaded by the SDK in Node, which must compute what PyTorch computes."""

import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import CROP, SIZES, randomise
from safetensors.torch import load_file

from vqrae_training import export
from vqrae_training.config import from_dict, to_dict
from vqrae_training.data.images import normalise
from vqrae_training.engine.runs import build_model
from vqrae_training.errors import UserError
from vqrae_training.models.checkpoint import Head, load_checkpoint, save_checkpoint, save_encoder
from vqrae_training.models.decoder import DecoderConfig
from vqrae_training.models.encoder import Encoder, load_encoder
from vqrae_training.models.vqrae import VQRAE, CodebookConfig

ROOT = Path(__file__).parents[2]
NODE = ROOT / "node_modules" / ".bin" / "node"
DECODER = DecoderConfig(hidden_size=24, intermediate_size=48, layers=2, heads=2, patch_size=4)
CODEBOOK = CodebookConfig(size=64, dim=16, layers=(1, -1))


def make(encoder: Encoder, codebook: CodebookConfig = CODEBOOK, decoder: DecoderConfig = DECODER) -> VQRAE:
    torch.manual_seed(5)
    return randomise(VQRAE(encoder, codebook, decoder))


def drawn(side: int) -> torch.Tensor:
    """uint8 [1, 3, side, side]."""
    c, y, x = torch.meshgrid(torch.arange(3), torch.arange(side), torch.arange(side), indexing="ij")
    return ((x * 7 + y * 13 + c * 29) * 37 % 256).byte()[None]


@torch.no_grad()
def outputs(model: VQRAE) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(features [t, d], ids [t], pixels [H, W, 3] in [0, 1]) of the drawn image."""
    e = model.encoder
    out = model(normalise(drawn(e.image_size), e.mean, e.std))
    ids = out.quantized.ids
    return e.final_norm(out.hidden[-1])[0, e.prefix :], ids[0], model.decode(ids)[0].permute(1, 2, 0)


@pytest.mark.parametrize("kind", ["simvq", "vq"])
@pytest.mark.parametrize("family", ["vit", "siglip"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_node_computes_what_pytorch_computes(kind, family, dtype, tmp_path, request):
    codebook = CodebookConfig(64, 16, bias=dtype == torch.float32, layers=(1, 3), quantizer=kind)
    decoder = DecoderConfig(**asdict(DECODER) | {"head_kernel": 3 if kind == "vq" else 1})
    shake_hands(make(request.getfixturevalue(family), codebook, decoder), dtype, tmp_path)


@pytest.mark.parametrize("family", ["clip_vision_model", "dinov2", "dinov2_with_registers", "internvl_vision"])
def test_node_computes_the_same_with_every_family(family, tmp_path):
    torch.manual_seed(3)
    encoder = randomise(Encoder(SIZES | {"model_type": family}, CROP))
    shake_hands(make(encoder, CodebookConfig(64, 16, layers=(1, 3))), torch.float32, tmp_path)


def test_node_adds_layers_where_pytorch_does(vit, tmp_path):
    shake_hands(make(vit, CodebookConfig(64, 16, layers=(1, 2, 3), combine="sum")), torch.float32, tmp_path)


def shake_hands(model: VQRAE, dtype: torch.dtype, tmp_path: Path) -> None:
    if not NODE.exists():
        pytest.skip("node_modules is absent: run `npm install` in the repository's root")
    save_checkpoint(model, tmp_path / "model", dtype)
    features, ids, pixels = outputs(load_checkpoint(tmp_path / "model").eval())
    drawn(32)[0].permute(1, 2, 0).contiguous().numpy().tofile(tmp_path / "image.u8")
    command = [NODE, ROOT / "training/tests/handshake.ts", tmp_path / "model", "32", tmp_path / "image.u8", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"grid": {"rows": 4, "columns": 4}, "width": 16, "height": 16}
    assert len(ids.unique()) > 3
    np.testing.assert_allclose(np.fromfile(tmp_path / "features.f32", "<f4").reshape(16, 32), features, atol=1e-4, rtol=0)
    np.testing.assert_array_equal(np.fromfile(tmp_path / "ids.i32", "<i4"), ids)
    received = np.fromfile(tmp_path / "pixels.u8", "u1").reshape(16, 16, 3)
    assert np.abs(received / 255 - pixels.numpy()).max() <= 1 / 255
    assert received.std() > 10


@pytest.mark.parametrize("family", ["vit", "siglip"])
def test_a_checkpoint_loads_as_it_was_saved(family, tmp_path, request):
    model = make(request.getfixturevalue(family))
    save_checkpoint(model, tmp_path, torch.float32)
    loaded = load_checkpoint(tmp_path)
    assert loaded.codebook_layers == (1, 3) and loaded.decoder.config == DECODER
    assert (loaded.encoder.config, loaded.encoder.image) == (model.encoder.config, model.encoder.image)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


def test_plain_vq_is_stored_as_simvq_whose_w_is_the_identity(vit, tmp_path):
    model = make(vit, CodebookConfig(64, 16, quantizer="vq"))
    save_checkpoint(model, tmp_path, torch.float32)
    loaded = load_checkpoint(tmp_path).eval()
    assert torch.equal(loaded.quantizer.codebook_proj.weight, torch.eye(16))
    for a, b in zip(outputs(model), outputs(loaded), strict=True):
        assert torch.equal(a, b)


def test_the_encoder_of_a_checkpoint_loads_alone(vit, tmp_path):
    save_checkpoint(make(vit), tmp_path, torch.float32)
    loaded = load_encoder(tmp_path)
    assert loaded.image == CROP
    assert all(torch.equal(t, loaded.state_dict()[n]) for n, t in vit.state_dict().items())


def test_the_shipped_model_loads_and_is_written_back_unchanged(tmp_path):
    shipped = ROOT / "models" / "vqrae-tiny"
    save_checkpoint(load_checkpoint(shipped), tmp_path)
    before, after = (load_file(folder / "model.safetensors") for folder in (shipped, tmp_path))
    assert before.keys() == after.keys()
    assert all(torch.equal(t.flatten(), after[name].flatten()) for name, t in before.items())
    old, new = (json.loads((folder / "config.json").read_text()) for folder in (shipped, tmp_path))
    assert new | {"decoder": None} == old | {"decoder": None} and new["decoder"].items() >= old["decoder"].items()


def test_other_weights_of_the_same_model_can_be_saved(vit, tmp_path):
    model = make(vit)
    averaged = {name: t + 1 for name, t in model.state_dict().items()}
    save_checkpoint(model, tmp_path, torch.float32, averaged)
    for name, tensor in load_checkpoint(tmp_path).state_dict().items():
        assert torch.equal(tensor, averaged[name]), name


def test_a_head_goes_along_with_its_labels(vit, tmp_path):
    head = Head(["cat", "dog"], torch.randn(2, 32), torch.randn(2))
    save_checkpoint(make(vit), tmp_path, torch.float32, head=head)
    assert json.loads((tmp_path / "config.json").read_text())["classifier"] == {"labels": ["cat", "dog"]}
    assert torch.equal(load_file(tmp_path / "model.safetensors")["classifier.weight"], head.weight)
    load_checkpoint(tmp_path)  # training has no use for it


@pytest.mark.parametrize("layers", [(0,), (4,), (3, 1), (-4,), (1, 1), ()])
def test_layers_that_the_encoder_lacks_are_refused(vit, layers):
    with pytest.raises(UserError, match="ascending blocks from 1 to 3"):
        VQRAE(vit, CodebookConfig(64, 16, layers=layers), DECODER)


def test_what_does_not_fit_is_said(vit, tmp_path):
    save_checkpoint(make(vit), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["codebook"]["dim"] = 8
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"(?s)quantizer.\* of .*in_proj.weight"):
        load_checkpoint(tmp_path)
    with pytest.raises(UserError, match="an encoder alone"):
        save_encoder(vit, tmp_path / "encoder")
        load_checkpoint(tmp_path / "encoder")


@pytest.fixture
def run(vit, tmp_path):
    """The folder of a run that was stopped, its EMA a tenth above its weights."""
    save_encoder(vit, tmp_path / "encoder")
    sections = {"encoder": {"folder": str(tmp_path / "encoder")}, "codebook": {"size": 64, "dim": 16, "layers": [1, 3]}}
    config = from_dict(sections | {"decoder": {"layers": 2, "patch_size": 4}})
    model = randomise(build_model(config, load_encoder(tmp_path / "encoder")))
    shadow = {n: p.detach() * 1.1 for n, p in model.named_parameters() if p.requires_grad and not n.startswith("encoder.")}
    state = {"model": model.state_dict(), "ema": {"shadow": shadow, "step": 3}, "config": to_dict(config), "step": 3}
    torch.save(state, tmp_path / "last.pt")
    return tmp_path, model, shadow


def test_export_takes_the_averaged_weights(run, capsys):
    folder, model, shadow = run
    export.main([str(folder), "--out", str(folder / "out"), "--dtype", "f32"])
    exported = load_checkpoint(folder / "out").state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(exported[name], shadow.get(name, tensor)), name
    assert "parameters" in capsys.readouterr().out


def test_export_without_ema_from_a_moved_encoder(run):
    folder, model, _ = run
    (folder / "encoder").rename(folder / "moved")
    arguments = [str(folder / "last.pt"), "--out", str(folder / "out"), "--no-ema", "--dtype", "bf16"]
    with pytest.raises(UserError, match="Expected a folder with config.json"):
        export.main(arguments)
    export.main([*arguments, "--encoder", str(folder / "moved")])
    exported = load_checkpoint(folder / "out").state_dict()
    assert all(torch.equal(exported[n], t.bfloat16().float()) for n, t in model.state_dict().items())


def test_export_of_nothing_is_said(tmp_path):
    with pytest.raises(UserError, match="Expected a run's folder or its last.pt"):
        export.main([str(tmp_path), "--out", str(tmp_path / "out")])
