"""Makes the tiny towers of Qwen2-VL, Qwen2.5-VL and Qwen3-VL beside this file, and what transformers 5.18 gives with them.

    pip install transformers==5.18 torch safetensors numpy
    python make_qwen_vl.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers.models.qwen2_5_vl import configuration_qwen2_5_vl as config25, modeling_qwen2_5_vl as model25
from transformers.models.qwen2_vl import configuration_qwen2_vl as config2, modeling_qwen2_vl as model2
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen3_5 import configuration_qwen3_5 as config35, modeling_qwen3_5 as model35
from transformers.models.qwen3_vl import configuration_qwen3_vl as config3, modeling_qwen3_vl as model3
from transformers.vision_utils import get_vision_window_index

here = Path(__file__).parent
SIZES = [(24, 32), (40, 40), (9, 90), (70, 30)]
SHARED = {"depth": 3, "num_heads": 2, "patch_size": 4, "temporal_patch_size": 2, "spatial_merge_size": 2}


def make(name, model_type, config, model_class, settings, prefix, image_processor_type, sizes=SIZES):
    folder = here / name
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    config = config(**settings)
    config._attn_implementation = "eager"
    model = model_class(config).eval().float()
    with torch.no_grad():
        for key, weight in model.named_parameters():
            spread = 0.3 if weight.ndim == 1 else 1.5 / weight[0].numel() ** 0.5
            is_scale = ("norm" in key or "ln_q" in key) and key.endswith("weight")
            weight.copy_(is_scale + spread * torch.randn_like(weight))

    mean = [0.4, 0.5, 0.6]
    std = [0.3, 0.25, 0.2]
    limits = {"shortest_edge": 8 * 8 * 4, "longest_edge": 8 * 8 * 24}
    processor = Qwen2VLImageProcessorPil(size=limits, image_mean=mean, image_std=std, patch_size=4, merge_size=2)
    random = np.random.default_rng(3)
    expected = {}
    for i, (height, width) in enumerate(sizes):
        image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        batch = processor([Image.fromarray(image)], return_tensors="pt")
        grid = batch["image_grid_thw"]
        with torch.no_grad():
            out = model(batch["pixel_values"], grid, return_dict=True)
        _, rows, columns = grid[0].tolist()

        def raster(values):
            """From cells of 2 x 2, one after the other, to raster order."""
            cells = values.reshape(rows // 2, columns // 2, 2, 2, -1)
            return cells.permute(0, 2, 1, 3, 4).reshape(rows * columns, -1)

        tokens = out.last_hidden_state
        if model_type == "qwen2_5_vl":  # in the order of windows
            index, _ = get_vision_window_index(grid, spatial_merge_size=2, window_size=16, patch_size=4, kwargs={})
            cells = torch.empty_like(tokens).reshape(-1, 4, tokens.shape[-1])
            cells[index] = tokens.reshape(cells.shape)
            tokens = cells.reshape(tokens.shape)
        levels = [out.pooler_output, *(getattr(out, "deepstack_features", None) or [])]
        expected |= {
            f"{i}.image": torch.from_numpy(image),
            f"{i}.grid": torch.tensor([rows, columns], dtype=torch.int32),
            # Of the two equal frames the first: [tokens, channel, frame, row, column]
            f"{i}.patches": raster(batch["pixel_values"].reshape(-1, 3, 2, 16)[:, :, 0].reshape(-1, 48)),
            f"{i}.features": raster(tokens),
            f"{i}.embeddings": torch.cat(levels, dim=1),
        }

    weights = {f"{prefix}{key}": weight.contiguous() for key, weight in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    vision = {"model_type": model_type, **settings}
    config = {"model_type": model_type, "vision_config": vision}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    edges = {"size": limits} if image_processor_type.endswith("Fast") else {}
    pixels = {} if edges else {"min_pixels": limits["shortest_edge"], "max_pixels": limits["longest_edge"]}
    preprocessor = {
        "image_processor_type": image_processor_type,
        **edges,
        **pixels,
        "patch_size": 4,
        "merge_size": 2,
        "temporal_patch_size": 2,
        "image_mean": mean,
        "image_std": std,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
    save_file({key: value.contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    print(name, [tuple(expected[f"{i}.grid"].tolist()) for i in range(len(sizes))])


make(
    "qwen2-vl",
    "qwen2_vl",
    config2.Qwen2VLVisionConfig,
    model2.Qwen2VisionTransformerPretrainedModel,
    {**SHARED, "embed_dim": 16, "mlp_ratio": 2, "hidden_act": "quick_gelu", "hidden_size": 12},
    "visual.",  # as on the hub
    "Qwen2VLImageProcessor",
)
make(
    "qwen2-5-vl",
    "qwen2_5_vl",
    config25.Qwen2_5_VLVisionConfig,
    model25.Qwen2_5_VisionTransformerPretrainedModel,
    {
        **SHARED,
        "hidden_size": 16,
        "intermediate_size": 24,
        "hidden_act": "silu",
        "window_size": 16,  # windows of 4 x 4 patches
        "out_hidden_size": 12,
        "fullatt_block_indexes": [1],
    },
    "visual.",
    "Qwen2VLImageProcessor",
)
make(
    "qwen3-vl",
    "qwen3_vl",
    config3.Qwen3VLVisionConfig,
    model3.Qwen3VLVisionModel,
    {
        **SHARED,
        "hidden_size": 16,
        "intermediate_size": 24,
        "hidden_act": "gelu_pytorch_tanh",
        "num_position_embeddings": 25,
        "out_hidden_size": 12,
        "deepstack_visual_indexes": [0, 2],
    },
    "model.visual.",  # as transformers 5 saves
    "Qwen2VLImageProcessorFast",
)
make(
    "qwen3-5",
    "qwen3_5",
    config35.Qwen3_5VisionConfig,
    model35.Qwen3_5VisionModel,
    {
        **SHARED,
        "hidden_size": 16,
        "intermediate_size": 24,
        "hidden_act": "gelu_pytorch_tanh",
        "num_position_embeddings": 25,
        "out_hidden_size": 12,
    },
    "model.visual.",
    "Qwen2VLImageProcessorFast",
    SIZES[:1],
)
