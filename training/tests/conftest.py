from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqrae_training.data.images import IMAGENET_MEAN, IMAGENET_STD
from vqrae_training.models.checkpoint import save_encoder
from vqrae_training.models.encoder import Encoder
from vqrae_training.models.image_spec import ImageSpec

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}
VIT = SIZES | {"model_type": "vit", "layer_norm_eps": 1e-6}
SIGLIP = SIZES | {"model_type": "siglip_vision_model"}
CROP = ImageSpec(32, 32, "bicubic", "crop", IMAGENET_MEAN, IMAGENET_STD)
STRETCH = ImageSpec(32, 32, "bilinear", "stretch")


@torch.no_grad()
def randomise(module: torch.nn.Module) -> torch.nn.Module:
    """Weights large enough that every tensor shows in the outputs: fresh biases are zero and norms are one."""
    for name, p in module.named_parameters():
        noise = torch.randn_like(p) * (0.1 if p.ndim < 2 else 0.2)
        p.copy_(1 + noise if "norm" in name and name.endswith("weight") else noise)
    return module.eval()


@pytest.fixture
def vit() -> Encoder:
    torch.manual_seed(1)
    return randomise(Encoder(VIT, CROP))


@pytest.fixture
def siglip() -> Encoder:
    torch.manual_seed(2)
    return randomise(Encoder(SIGLIP, STRETCH))


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random encoder and 24 drawn photos of two classes."""
    root = tmp_path_factory.mktemp("workspace")
    torch.manual_seed(0)
    save_encoder(Encoder(VIT, CROP), root / "encoder")
    rng = np.random.default_rng(0)
    for label in ("plain", "noisy"):
        (root / "photos" / label).mkdir(parents=True)
        for i in range(12):
            colour = rng.integers(0, 256, (1, 1, 3))
            ramp = np.linspace(0, 60, 48)[:, None, None] * np.ones((48, 40, 3))
            noise = rng.normal(0, 25 if label == "noisy" else 2, (48, 40, 3))
            pixels = (colour * 0.7 + ramp + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / "photos" / label / f"{i:02d}.png")
    return root


@pytest.fixture(scope="session")
def generator_folder(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from generator_runs import write_folder

    return write_folder(workspace, tmp_path_factory.mktemp("generator"))


@pytest.fixture(scope="session")
def vlm_data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    from vlm_runs import write_data

    return write_data(tmp_path_factory.mktemp("vlm"))
