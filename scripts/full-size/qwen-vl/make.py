"""Writes a Qwen-VL's full-size tower and merger with random weights, and transformers' embeddings of a photo.

    python make.py <family> <photo> <folder>

`family`: qwen2_vl (2B), qwen2_5_vl (3B) or qwen3_vl (4B). transformers 5.18, torch, safetensors, Pillow.
"""

import json
import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers.models.qwen2_5_vl import configuration_qwen2_5_vl as config25, modeling_qwen2_5_vl as model25
from transformers.models.qwen2_vl import configuration_qwen2_vl as config2, modeling_qwen2_vl as model2
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen3_vl import configuration_qwen3_vl as config3, modeling_qwen3_vl as model3

SHARED = {"num_heads": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}
FAMILIES = {
    "qwen2_vl": (
        config2.Qwen2VLVisionConfig,
        model2.Qwen2VisionTransformerPretrainedModel,
        {**SHARED, "depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "hidden_size": 1536, "patch_size": 14},
    ),
    "qwen2_5_vl": (
        config25.Qwen2_5_VLVisionConfig,
        model25.Qwen2_5_VisionTransformerPretrainedModel,
        {
            **SHARED,
            "depth": 32,
            "hidden_size": 1280,
            "intermediate_size": 3420,
            "out_hidden_size": 2048,
            "patch_size": 14,
            "window_size": 112,
            "fullatt_block_indexes": [7, 15, 23, 31],
        },
    ),
    "qwen3_vl": (
        config3.Qwen3VLVisionConfig,
        model3.Qwen3VLVisionModel,
        {
            **SHARED,
            "depth": 24,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "out_hidden_size": 2560,
            "patch_size": 16,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [5, 11, 17],
        },
    ),
}


def main(family: str, photo: str, folder: Path) -> None:
    config, tower, settings = FAMILIES[family]
    torch.manual_seed(0)
    model = tower(config(**settings)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn_like(weight)
            scale = ("norm" in name or "ln_q" in name) and name.endswith("weight")
            weight.copy_(scale + 0.1 * noise if weight.ndim == 1 else 0.8 * noise / weight[0].numel() ** 0.5)
            weight.copy_(weight.half())  # as the file has it
    folder.mkdir(parents=True, exist_ok=True)
    save_file({f"visual.{name}": weight.half().contiguous() for name, weight in model.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": family, "vision_config": settings}))
    patch = settings["patch_size"]
    size = {"shortest_edge": 3136, "longest_edge": 12845056}
    file = {"image_processor_type": "Qwen2VLImageProcessor", "size": size, "patch_size": patch, "merge_size": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps(file))
    batch = Qwen2VLImageProcessorPil(patch_size=patch, size=size)(Image.open(photo).convert("RGB"), return_tensors="pt")
    with torch.no_grad():
        out = model(batch["pixel_values"], batch["image_grid_thw"], return_dict=True)
    levels = [out.pooler_output, *(getattr(out, "deepstack_features", None) or [])]
    save_file({"embeddings": torch.cat(levels, 1).contiguous()}, folder / "embeddings.safetensors")


main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
