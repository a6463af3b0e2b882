"""Every family against transformers, on tiny random checkpoints that transformers writes and on the SDK's own fixtures."""

import json
from pathlib import Path

import pytest
import torch
from conftest import CROP, SIGLIP, SIZES, STRETCH, VIT, randomise
from safetensors.torch import load_file
from transformers import CLIPVisionModel, Dinov2Model, Dinov2WithRegistersModel, InternVLVisionModel, SiglipVisionModel, ViTModel

from vqrae_training.errors import UserError
from vqrae_training.models.checkpoint import save_encoder
from vqrae_training.models.encoder import Encoder, load_encoder
from vqrae_training.models.image_spec import HALF, ImageSpec

GOLDEN = Path(__file__).parents[2] / "test" / "golden" / "checkpoint"
FIXTURES = ["vit", "vit-f16", "vit-bf16", "vit-sharded", "vit-classifier", "siglip-vision", "siglip"]
DINO = {k: v for k, v in SIZES.items() if k != "intermediate_size"} | {"mlp_ratio": 2}
# name: transformers' class, config, tokens before the patches
FAMILIES = {
    "vit": (ViTModel, SIZES, 1),
    "siglip": (SiglipVisionModel, SIZES, 0),
    "clip": (CLIPVisionModel, SIZES, 1),
    "dinov2": (Dinov2Model, DINO, 1),
    "dinov2-registers": (Dinov2WithRegistersModel, DINO | {"num_register_tokens": 4}, 5),
    "internvl": (InternVLVisionModel, SIZES | {"image_size": [32, 32], "patch_size": [8, 8]}, 1),
}


@pytest.mark.parametrize("name", FIXTURES)
def test_fixtures_of_the_sdk_give_the_expected_hidden_states(name):
    encoder = load_encoder(GOLDEN / name).eval()
    expected = load_file(GOLDEN / name / "expected.safetensors")
    with torch.no_grad():
        hidden = encoder(expected["pixel_values"], (1, 2, 3))
        last = encoder.final_norm(hidden[-1])
    for k, tokens in enumerate(hidden, start=1):
        torch.testing.assert_close(tokens, expected[f"hidden_states.{k}"], atol=1e-5, rtol=0)
    torch.testing.assert_close(last, expected["last_hidden_state"], atol=1e-5, rtol=0)
    assert (encoder.geometry, encoder.resample, encoder.grid) == ("stretch", "bilinear", 3)
    assert encoder.mean == (HALF if "siglip" in name else (0.485, 0.456, 0.406))


@pytest.mark.parametrize("name", FIXTURES)
def test_names_on_disk_are_those_that_were_read(name, tmp_path):
    encoder = load_encoder(GOLDEN / name)
    stored = {}
    for file in (GOLDEN / name).glob("model*.safetensors"):
        stored |= load_file(file)
    by_suffix = {n.removeprefix("vit.").removeprefix("vision_model."): t for n, t in stored.items()}
    written = encoder.disk_tensors()
    assert all(torch.equal(t, by_suffix[n].float()) for n, t in written.items())
    unread = ("head.", "classifier.", "text_model.", "logit_")
    assert [n for n in by_suffix if n not in written and not n.startswith(unread)] == []


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_equals_transformers(name, tmp_path):
    torch.manual_seed(3)
    cls, config, prefix = FAMILIES[name]
    reference = randomise(cls(cls.config_class(**config)))
    reference.save_pretrained(tmp_path)
    encoder = load_encoder(tmp_path).eval()
    assert encoder.prefix == prefix
    facts = (encoder.hidden_size, encoder.intermediate_size, encoder.num_layers, encoder.num_heads, encoder.grid)
    assert facts == (32, 64, 3, 2, 4)
    pixels = torch.randn(2, 3, 32, 32)
    taps = []
    blocks = reference.get_submodule(encoder.family.blocks)
    hooks = [b.register_forward_hook(lambda _m, _a, out: taps.append(out)) for b in blocks]
    with torch.no_grad():
        last = reference(pixels).last_hidden_state
        hidden = encoder(pixels, (1, 3))
        torch.testing.assert_close(encoder.final_norm(hidden[-1]), last, atol=1e-5, rtol=0)
    for hook in hooks:
        hook.remove()
    assert hidden[0].shape == (2, prefix + 16, 32)
    torch.testing.assert_close(hidden[0], taps[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(hidden[1], taps[2], atol=1e-5, rtol=0)
    on_disk = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(t, on_disk[n]) for n, t in encoder.disk_tensors().items())


@pytest.mark.parametrize("name", FAMILIES)
def test_every_parameter_gets_a_gradient(name):
    cls, config, _ = FAMILIES[name]
    encoder = Encoder(cls.config_class(**config).to_dict())
    encoder.final_norm(encoder(torch.randn(1, 3, 32, 32), (3,))[-1]).square().sum().backward()
    assert [n for n, p in encoder.named_parameters() if p.grad is None] == []


LARGER = ImageSpec(32, 40, "lanczos", "stretch")


@pytest.mark.parametrize(("config", "image"), [(VIT, CROP), (SIGLIP, STRETCH), (VIT, LARGER)])
def test_what_is_saved_loads_the_same(config, image, tmp_path):
    encoder = randomise(Encoder(config, image))
    save_encoder(encoder, tmp_path)
    loaded = load_encoder(tmp_path)
    assert loaded.image == image
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ({}, ImageSpec(32, 32, "bilinear", "stretch")),
        ({"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 40}, "crop_size": 32, "resample": 1,
          "image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 2]},
         ImageSpec(32, 40, "lanczos", "crop", (0.1, 0.2, 0.3), (1, 1, 2))),
        ({"image_processor_type": "SiglipImageProcessorFast", "size": 32, "do_normalize": False},
         ImageSpec(32, 32, "bicubic", "stretch", (0, 0, 0), (1, 1, 1))),
    ],
)  # fmt: skip
def test_preprocessing_is_read(processor, expected, tmp_path):
    save_encoder(Encoder(VIT, CROP), tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    if processor:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    assert load_encoder(tmp_path).image == expected
    if processor:  # transformers 5 nests it
        (tmp_path / "preprocessor_config.json").unlink()
        (tmp_path / "processor_config.json").write_text(json.dumps({"image_processor": processor}))
        assert load_encoder(tmp_path).image == expected


def rewrite(folder: Path, file: str, **changes) -> None:
    stored = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(stored | changes))


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"model_type": "siglip2"}, "model_type but received 'siglip2'.*NaFlex"),
        ("config.json", {"num_hidden_layers": 4}, "received none that fit layers.3"),
        ("config.json", {"hidden_size": 64}, "none that fit embeddings.cls_token"),
        ("config.json", {"image_size": [32, 40]}, "Expected a square"),
        ("preprocessor_config.json", {"crop_size": 24}, "Expected 32 pixels.*received 24"),
        ("preprocessor_config.json", {"resample": 0}, "for resample in .* but received 0"),
        ("preprocessor_config.json", {"image_processor_type": "Other"}, "but received 'Other'"),
    ],
)
def test_what_does_not_fit_is_said(file, changes, message, tmp_path):
    save_encoder(Encoder(VIT, CROP), tmp_path)
    rewrite(tmp_path, file, **changes)
    with pytest.raises(UserError, match=message):
        load_encoder(tmp_path)


def test_absent_files_are_said(tmp_path):
    with pytest.raises(UserError, match="Expected a folder with config.json"):
        load_encoder(tmp_path / "nowhere")
    save_encoder(Encoder(VIT, CROP), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match="received no model.safetensors"):
        load_encoder(tmp_path)
