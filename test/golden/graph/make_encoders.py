"""Makes the encoder fixtures of this folder with Hugging Face transformers.

    python make_encoders.py

Each folder gets a random model as `save_pretrained` writes it and expected.safetensors: `patches` (the graph's input) and
every hidden state of the reference in float32, with the weights as they were stored; `last` has the final LayerNorm.
"""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import SiglipVisionConfig, SiglipVisionModel, ViTConfig, ViTModel

here = Path(__file__).resolve().parent
IMAGES, PATCH = 2, 4
SIZES = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 13,  # one row and one column more than the patches cover
    "patch_size": PATCH,
}
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


@torch.no_grad()
def randomise(model: torch.nn.Module) -> None:
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


def make(name: str, model: torch.nn.Module, dtype: torch.dtype) -> None:
    randomise(model)
    model.to(dtype).save_pretrained(here / name)
    model.float().eval()
    pixels = torch.randn(IMAGES, 3, SIZES["image_size"], SIZES["image_size"])
    with torch.no_grad():
        out = model(pixels, output_hidden_states=True)
    patches = torch.nn.functional.unfold(pixels, PATCH, stride=PATCH).transpose(1, 2).reshape(-1, 3 * PATCH * PATCH)
    expected = {"patches": patches, "last": out.last_hidden_state}
    expected |= {f"hidden{i}": h.contiguous() for i, h in enumerate(out.hidden_states) if i > 0}
    save_file(
        {key: t.clone() for key, t in expected.items()},
        here / name / "expected.safetensors",
        metadata={"torch": torch.__version__, "transformers": transformers.__version__},
    )


def main() -> None:
    for suffix, dtype in DTYPES.items():
        torch.manual_seed(0)
        vit = ViTConfig(**SIZES, qkv_bias=suffix != "f16")
        make(f"vit-{suffix}", ViTModel(vit, add_pooling_layer=False), dtype)
        siglip = SiglipVisionConfig(**SIZES, vision_use_head=False)
        make(f"siglip-{suffix}", SiglipVisionModel(siglip), dtype)


if __name__ == "__main__":
    main()
