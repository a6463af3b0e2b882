import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.linalg import sqrtm
from skimage.metrics import structural_similarity

from vqrae_training.data.images import centre_crop, normalise, to_uint8
from vqrae_training.data.sources import read_source
from vqrae_training.evaluate.frechet import feature_statistics, frechet_distance
from vqrae_training.evaluate.model import encoder_view, evaluate_reconstruction
from vqrae_training.losses.mobilenet import MobileNetV1
from vqrae_training.metrics.pixels import psnr, ssim
from vqrae_training.models.decoder import DecoderConfig
from vqrae_training.models.encoder import load_encoder
from vqrae_training.models.image_spec import ImageSpec
from vqrae_training.models.vqrae import VQRAE, CodebookConfig

mobilenet_file = os.environ.get("VQRAE_MOBILENET")


def pictures(seed: int, n: int, height: int, width: int) -> torch.Tensor:
    """Smooth waves with a flat stripe, uint8 [n, 3, H, W]."""
    rng = np.random.default_rng(seed)
    i, j = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    a, b, c = rng.uniform((2, 2, 0), (9, 9, 6), (3 * n, 3)).T[..., None, None]
    images = (128 + 100 * np.sin(i / a + c) * np.cos(j / b)).reshape(n, 3, height, width).round().astype(np.uint8)
    images[..., : width // 4] = 200
    return torch.from_numpy(images)


def noisy(images: torch.Tensor, deviation: float) -> torch.Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0)) * deviation
    return (images + noise).round().clamp(0, 255).byte()


@pytest.mark.parametrize(("height", "width", "deviation"), [(7, 7, 20), (19, 44, 3), (51, 26, 40), (112, 112, 12)])
def test_ssim_equals_scikit_image(height, width, deviation):
    a = pictures(height, 3, height, width)
    b = noisy(a, deviation)
    wanted = [structural_similarity(x.numpy(), y.numpy(), channel_axis=0, data_range=255) for x, y in zip(a, b, strict=True)]
    assert ssim(a, b).tolist() == pytest.approx(wanted, abs=1e-9)


def test_ssim_of_flat_images_and_of_tiny_ones():
    flat = [torch.full((1, 3, 16, 12), value, dtype=torch.uint8) for value in (200, 190)]
    wanted = structural_similarity(*(x[0].numpy() for x in flat), channel_axis=0, data_range=255)
    assert ssim(*flat).item() == pytest.approx(wanted, abs=1e-9)
    with pytest.raises(ValueError, match="at least 7 x 7"):
        ssim(flat[0][..., :6, :], flat[1][..., :6, :])


def gaussian(seed: int, rows: int, dim: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(size=(rows, dim)) @ rng.normal(size=(dim, dim)) + rng.normal(size=dim))
    return x.mean(0), x.T.cov()


def test_frechet_distance_equals_the_formula_with_scipys_root():
    (m1, s1), (m2, s2) = gaussian(1, 200), gaussian(2, 150)
    root = sqrtm((s1 @ s2).numpy()).real
    wanted = (m1 - m2).square().sum().item() + np.trace(s1.numpy() + s2.numpy() - 2 * root)
    assert wanted > 10
    assert frechet_distance(m1, s1, m2, s2) == pytest.approx(wanted, rel=1e-9)
    assert frechet_distance(m2, s2, m1, s1) == pytest.approx(wanted, rel=1e-9)


def test_frechet_distance_of_singular_covariances():
    mean, covariance = gaussian(3, 5)  # rank 4 of 12
    assert frechet_distance(mean, covariance, mean, covariance) == pytest.approx(0, abs=1e-5)
    # Along one line, (sigma1 - sigma2)² is left.
    line = torch.zeros(12, 12, dtype=torch.float64)
    line[0, 0] = 1
    assert frechet_distance(mean, 9 * line, mean + 1, 4 * line) == pytest.approx(12 + 1, rel=1e-9)


@pytest.mark.skipif(not mobilenet_file, reason="VQRAE_MOBILENET is not set")
def test_frechet_distance_on_mobilenet_grows_with_the_damage():
    network, images = MobileNetV1(mobilenet_file), pictures(5, 12, 64, 64)
    start = feature_statistics(network, images)
    assert start[0].shape == (1024,) and start[1].shape == (1024, 1024)
    with torch.no_grad():
        large = torch.nn.functional.interpolate(images.float() / 255, (224, 224), mode="bilinear", antialias=True)
        features = network(large.clamp(0, 1))[-1].mean((2, 3)).double()
    assert torch.allclose(start[0], features.mean(0), atol=1e-4)
    assert torch.allclose(start[1], torch.from_numpy(np.cov(features.numpy(), rowvar=False)), atol=1e-3)
    distances = [frechet_distance(*start, *feature_statistics(network, noisy(images, d))) for d in (0, 5, 20, 60)]
    assert distances[0] == pytest.approx(0, abs=1e-2)
    assert distances == sorted(distances) and distances[1] > 1, distances


def test_feature_statistics_refuse_a_single_image():
    with pytest.raises(ValueError, match="at least 2 images"):
        feature_statistics(None, torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("size", [(40, 48), (61, 47), (32, 32), (32, 90), (33, 31)])
def test_the_encoders_view_is_cut_as_the_checkpoint_says(size):
    image = Image.fromarray(pictures(6, 1, size[1], size[0])[0].permute(1, 2, 0).numpy())
    crop = encoder_view(image, ImageSpec(32, 32, "bicubic", "crop"))
    assert np.array_equal(crop, centre_crop(image, 32))
    stretched = encoder_view(image, ImageSpec(32, 32, "bilinear", "stretch"))
    assert np.array_equal(stretched, image.resize((32, 32), Image.Resampling.BILINEAR))
    wider = encoder_view(image, ImageSpec(28, 32, "bicubic", "crop"))
    assert np.array_equal(wider, centre_crop(image, 32).crop((2, 2, 30, 30)))
    assert wider.size == (28, 28)


def test_reconstruction_figures_are_those_of_the_pictures(workspace: Path):
    torch.manual_seed(1)
    encoder = load_encoder(workspace / "encoder")
    model = VQRAE(encoder, CodebookConfig(16, 8), DecoderConfig(32, 64, layers=1, heads=2, patch_size=4)).eval()
    items = read_source(workspace / "photos")
    figures = evaluate_reconstruction(model, items)
    crops = [centre_crop(item.open(), 32) for item in items]
    targets = torch.stack([to_uint8(c.resize((16, 16), Image.Resampling.BICUBIC)) for c in crops])
    with torch.no_grad():
        out = model(normalise(torch.stack([to_uint8(c) for c in crops])))
    pixels = (out.pixels.clamp(0, 1) * 255).round().byte()
    assert figures["images"] == 24
    assert figures["psnr"] == pytest.approx(psnr(targets, pixels).mean().item(), abs=1e-3)
    assert figures["psnr_worst"] == pytest.approx(psnr(targets, pixels).min().item(), abs=1e-3)
    assert figures["ssim"] == pytest.approx(ssim(targets, pixels).mean().item(), abs=1e-4)
    ids = out.quantized.ids
    assert figures["codes"] == len(ids.unique()) and figures["utilization"] == figures["codes"] / 16
    p = np.bincount(ids.flatten().numpy(), minlength=16) / ids.numel()
    assert figures["perplexity"] == pytest.approx(np.exp(-(p[p > 0] * np.log(p[p > 0])).sum()), rel=1e-6)
