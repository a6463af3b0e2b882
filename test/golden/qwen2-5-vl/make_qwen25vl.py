"""Makes the tiny Qwen2.5-VL tower beside this file, and what transformers gives with it.

    pip install transformers torch safetensors numpy
    python make_qwen25vl.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionTransformerPretrainedModel
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

here = Path(__file__).parent
folder = here / "tiny"
folder.mkdir(exist_ok=True)
torch.manual_seed(0)
settings = {
    "depth": 3,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_heads": 2,
    "hidden_act": "silu",
    "patch_size": 4,
    "temporal_patch_size": 2,
    "spatial_merge_size": 2,
    "window_size": 16,  # windows of 4 x 4 patches
    "out_hidden_size": 24,
    "fullatt_block_indexes": [1],
}
config = Qwen2_5_VLVisionConfig(**settings)
config._attn_implementation = "eager"
model = Qwen2_5_VisionTransformerPretrainedModel(config).eval().float()
with torch.no_grad():
    for name, weight in model.named_parameters():
        spread = 0.3 if weight.ndim == 1 else 1.5 / weight[0].numel() ** 0.5
        weight.copy_((("norm" in name or "ln_q" in name) and weight.ndim == 1) + spread * torch.randn_like(weight))

mean = [0.4, 0.5, 0.6]
std = [0.3, 0.25, 0.2]
limits = {"shortest_edge": 8 * 8 * 4, "longest_edge": 8 * 8 * 24}
processor = Qwen2VLImageProcessorPil(size=limits, image_mean=mean, image_std=std, patch_size=4, merge_size=2)
random = np.random.default_rng(3)
sizes = [(24, 32), (40, 40), (9, 90), (3, 100), (16, 16), (70, 30)]
images = [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sizes]

expected = {}
for i, image in enumerate(images):
    batch = processor([Image.fromarray(image)], return_tensors="pt")
    grid = batch["image_grid_thw"]
    with torch.no_grad():
        out = model(batch["pixel_values"], grid, return_dict=True)
    _, rows, columns = grid[0].tolist()

    def raster(values: torch.Tensor) -> torch.Tensor:
        """From cells of 2 x 2, one after the other, to raster order."""
        cells = values.reshape(rows // 2, columns // 2, 2, 2, -1)
        return cells.permute(0, 2, 1, 3, 4).reshape(rows * columns, -1)

    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import get_vision_window_index

    index, _ = get_vision_window_index(grid, spatial_merge_size=2, window_size=16, patch_size=4, kwargs={})
    tokens = torch.empty_like(out.last_hidden_state).reshape(-1, 4, 32)
    tokens[index] = out.last_hidden_state.reshape(-1, 4, 32)
    expected |= {
        f"{i}.image": torch.from_numpy(image),
        f"{i}.grid": torch.tensor([rows, columns], dtype=torch.int32),
        # Of the two equal frames the first: [tokens, channel, frame, row, column]
        f"{i}.patches": raster(batch["pixel_values"].reshape(-1, 3, 2, 16)[:, :, 0].reshape(-1, 48)),
        f"{i}.features": raster(tokens.reshape(-1, 32)),
        f"{i}.embeddings": out.pooler_output,
    }

save_file({f"visual.{name}": weight for name, weight in model.state_dict().items()}, folder / "model.safetensors")
vision = {"model_type": "qwen2_5_vl", **settings}
(folder / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl", "vision_config": vision}, indent=2) + "\n")
preprocessor = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "min_pixels": limits["shortest_edge"],
    "max_pixels": limits["longest_edge"],
    "patch_size": 4,
    "merge_size": 2,
    "temporal_patch_size": 2,
    "image_mean": mean,
    "image_std": std,
}
(folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
save_file({name: value.contiguous() for name, value in expected.items()}, here / "expected.safetensors")
print([tuple(expected[f"{i}.grid"].tolist()) for i in range(len(images))])
