"""Perceptual losses against the references' values (golden/make_perceptual.py) with the same random weights."""

import json
import sys
from pathlib import Path

import pytest
import torch

from vqrae_training.errors import UserError
from vqrae_training.losses.convnext import ConvNeXtLoss, ConvNeXtSmall
from vqrae_training.losses.lpips import LPIPS, VGG16, Linear
from vqrae_training.losses.perceptual import KINDS, perceptual_loss

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))
from random_weights import random_images, random_weights  # noqa: E402

EXPECTED = json.loads((GOLDEN / "perceptual.json").read_text())


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    """Weights under the published files' names, with what those files hold besides."""
    folder = tmp_path_factory.mktemp("perceptual")
    vgg = {f"features.{k}": v for k, v in random_weights(VGG16().features, 1).items()}
    linear = {}
    for i in range(5):
        part = Linear().get_submodule(f"lin{i}")
        linear |= {f"lin{i}.{k}": v.abs() for k, v in random_weights(part, 10 + i).items()}
    states = {
        "lpips_vgg": vgg | {"classifier.0.weight": torch.zeros(2, 2)},
        "lpips_linear": linear,
        "convnext": random_weights(ConvNeXtSmall(), 2),
    }
    for name, state in states.items():
        torch.save(state, folder / f"{name}.pth")
    return {name: str(folder / f"{name}.pth") for name in states}


@pytest.fixture(scope="module")
def images():
    originals, copies = random_images(3)
    return copies, originals


@pytest.mark.parametrize("kind", ["lpips", "convnext-s"])
def test_equals_the_reference(kind, files, images):
    assert perceptual_loss(kind, files)(*images).item() == pytest.approx(EXPECTED[kind], rel=2e-4)


def test_convnext_logits_equal_torchvisions(files, images):
    loss = perceptual_loss("convnext-s", files)
    assert isinstance(loss, ConvNeXtLoss)
    assert loss.logits(images[1])[0, :5].tolist() == pytest.approx(EXPECTED["convnext_logits"], abs=2e-4)


def test_the_mix_is_titoks_weighted_mean(files, images):
    mixed = perceptual_loss("lpips-convnext", files)(*images).item()
    assert 1.1 * mixed == pytest.approx(EXPECTED["lpips"] + 0.1 * EXPECTED["convnext-s"], rel=2e-4)


def test_a_size_brings_both_images_to_it(files, images):
    def larger(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(x, (80, 80), mode="bilinear")

    wanted = perceptual_loss("lpips", files)(*(larger(x) for x in images)).item()
    assert perceptual_loss("lpips", files, 80)(*images).item() == pytest.approx(wanted, rel=1e-5)
    assert wanted != pytest.approx(perceptual_loss("lpips", files)(*images).item(), rel=1e-2)


def test_lpips_has_a_gradient_for_the_pixels_alone(files):
    loss = perceptual_loss("lpips", files)
    assert isinstance(loss, LPIPS)
    pixels = torch.zeros(1, 3, 32, 32, requires_grad=True)  # where a root without an epsilon gives NaN
    targets = torch.rand(1, 3, 32, 32, requires_grad=True)
    loss(pixels, targets).backward()
    assert torch.isfinite(pixels.grad).all() and pixels.grad.abs().sum() > 0
    assert targets.grad is None and all(p.grad is None for p in loss.parameters())
    assert loss(targets, targets).item() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_named_with_its_source_and_the_way_out(kind):
    name = {"mobilenet": "mobilenet", "convnext-s": "convnext"}.get(kind, "lpips_vgg")
    way = "loss.perceptual=none" if kind == "mobilenet" else "--set loss.perceptual=mobilenet"
    with pytest.raises(UserError, match=rf"loss\.{name} but received none.*https://.*{way}"):
        perceptual_loss(kind, dict.fromkeys(("mobilenet", "lpips_vgg", "lpips_linear", "convnext"), ""))
    with pytest.raises(UserError, match="nowhere.pth, which is not there"):
        perceptual_loss(kind, {name: "nowhere.pth"})


def test_a_wrong_file_is_refused(files, tmp_path):
    with pytest.raises(UserError, match="loss.lpips_vgg.*no tensor 'features.0.weight'"):
        perceptual_loss("lpips", files | {"lpips_vgg": files["convnext"]})
    (tmp_path / "text.pth").write_text("<html>404</html>")
    for kind, name in (("convnext-s", "convnext"), ("mobilenet", "mobilenet")):
        with pytest.raises(UserError, match=f"loss.{name}.*text.pth"):
            perceptual_loss(kind, {name: str(tmp_path / "text.pth")})


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match="mobilenet, lpips, convnext-s, lpips-convnext for loss.perceptual"):
        perceptual_loss("vgg", {})
