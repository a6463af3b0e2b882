from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vqrae_training.models.checkpoint import save_encoder
from vqrae_training.models.vit import ViTConfig, ViTEncoder

TINY = ViTConfig(
    hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2, image_size=32, patch_size=8
)


@pytest.fixture
def tiny() -> ViTConfig:
    return TINY


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random encoder and 24 drawn photos of two classes."""
    root = tmp_path_factory.mktemp("workspace")
    torch.manual_seed(0)
    save_encoder(ViTEncoder(TINY), root / "encoder")
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
