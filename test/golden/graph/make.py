"""Makes the fixtures of this folder with the PyTorch model that the checkpoints are trained with.

    python make.py

Each folder gets a checkpoint with random weights and expected.safetensors: `patches` (the encoder's input) and what the
reference computes from them in float32, with the weights as they were stored. `gap` is, per token, the float64 difference of
the squared L2 distances to the second nearest and the nearest code: where it is about 0, ids may differ.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parents[2] / "training"))

from vqrae_training.models.checkpoint import load_checkpoint, save_checkpoint  # noqa: E402
from vqrae_training.data.images import IMAGENET_MEAN, IMAGENET_STD  # noqa: E402
from vqrae_training.models.decoder import DecoderConfig  # noqa: E402
from vqrae_training.models.encoder import Encoder  # noqa: E402
from vqrae_training.models.image_spec import ImageSpec  # noqa: E402
from vqrae_training.models.vqrae import VQRAE, CodebookConfig  # noqa: E402

IMAGES = 3
ENCODER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
    "num_channels": 3,
    "layer_norm_eps": 1e-06,
    "hidden_act": "gelu",
    "qkv_bias": True,
    "model_type": "vit",
}
IMAGE = ImageSpec(32, 32, "bicubic", "crop", IMAGENET_MEAN, IMAGENET_STD)
DECODER = DecoderConfig(hidden_size=24, intermediate_size=48, layers=2, heads=2, patch_size=4)
TWO_LAYERS = (CodebookConfig(64, 16, bias=False, layers=(1, 2), normalize=True), DECODER)
SUM_OF_LAYERS = (replace(TWO_LAYERS[0], combine="sum"), DECODER)
LAST_LAYER = (
    CodebookConfig(64, 16, bias=True, layers=(2,), normalize=False),
    replace(DECODER, head_kernel=3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
)
# name: codebook and decoder, features as config.json has them, stored type
CASES = {
    "vqrae-two-layers": (TWO_LAYERS, {"layer": -1, "postNorm": True}, torch.float32),
    "vqrae-sum-of-layers": (SUM_OF_LAYERS, {"layer": -1, "postNorm": True}, torch.float16),
    "vqrae-last-layer": (LAST_LAYER, {"layer": 1, "postNorm": False}, torch.float16),
}


@torch.no_grad()
def randomise(model: VQRAE) -> None:
    """Weights large enough that every tensor shows in the outputs."""
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            p.normal_(0, 0.1)
        elif "norm" in name:
            p.normal_(1, 0.1)
        elif "position" in name or "token" in name:
            p.normal_(0, 0.5)
        else:
            p.normal_(0, p[0].numel() ** -0.5)
    model.quantizer.codebook.weight.normal_(0, 1)


def patchify(pixels: Tensor, p: int) -> Tensor:
    """[n, 3, H, W] -> [n * N, 3 * p * p], each patch ordered channel, row, column."""
    return torch.nn.functional.unfold(pixels, p, stride=p).transpose(1, 2).reshape(-1, 3 * p * p)


@torch.no_grad()
def expect(model: VQRAE, features: dict) -> dict[str, Tensor]:
    side, blocks = model.encoder.image_size, model.encoder.num_layers
    pixels = torch.randn(IMAGES, 3, side, side)
    layer = features["layer"] % (blocks + 1)  # -1 is the last block, 1 the first
    (hidden,) = model.encoder(pixels, (layer,))
    if features["postNorm"]:
        hidden = model.encoder.final_norm(hidden)
    q = model.quantizer
    x = model.quantizer_input(model.encoder(pixels, model.taps)).flatten(0, 1)
    ids = model(pixels).quantized.ids
    exact = torch.cdist(q.in_proj(x).double(), q.effective_codebook().double()).square().sort(1).values
    decoded = model.decode(ids)
    return {
        "patches": patchify(pixels, model.encoder.patch_size),
        "features": hidden[:, 1:].contiguous(),
        "class_token": hidden[:, 0].contiguous(),
        "quantizer_input": x,
        "ids": ids.to(torch.int32),
        "gap": exact[:, 1] - exact[:, 0],
        "vectors": q.effective_codebook()[ids.flatten()],
        "pixels": (decoded * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous(),
    }


def main() -> None:
    for name, (parts, features, dtype) in CASES.items():
        torch.manual_seed(0)
        model = VQRAE(Encoder(ENCODER, IMAGE), *parts).eval()
        randomise(model)
        folder = here / name
        save_checkpoint(model, folder, dtype)
        config_file = folder / "config.json"
        text = json.dumps(json.loads(config_file.read_text()) | {"features": features}, indent=2)
        config_file.write_text(text + "\n")
        model = load_checkpoint(folder).eval()
        expected = expect(model, features)
        save_file(expected, folder / "expected.safetensors", metadata={"torch": torch.__version__})
        used, gap = len(expected["ids"].unique()), expected["gap"].min().item()
        print(f"{name}: {used} different ids, smallest gap {gap:.2e}")


if __name__ == "__main__":
    main()
