"""Makes video.safetensors and video.json in the folders beside this file: what transformers 5.18 makes of videos with the towers
that make_qwen_vl.py made. Run that first.

    pip install transformers==5.18 torch torchvision safetensors numpy
    python make_videos.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers.models.qwen2_5_vl import configuration_qwen2_5_vl as config25, modeling_qwen2_5_vl as model25
from transformers.models.qwen2_vl import configuration_qwen2_vl as config2, modeling_qwen2_vl as model2
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
from transformers.models.qwen3_vl import configuration_qwen3_vl as config3, modeling_qwen3_vl as model3
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

HERE = Path(__file__).parent
# frames, height, width, fps. The first is of the size that it is given: no resizing differs there.
VIDEOS = [(5, 24, 32, 3), (4, 40, 30, 2), (3, 24, 24, 1), (12, 16, 16, 0.5), (2, 38, 52, 30)]
MODELS = {
    "qwen2-vl": (config2.Qwen2VLVisionConfig, model2.Qwen2VisionTransformerPretrainedModel, "visual."),
    "qwen2-5-vl": (config25.Qwen2_5_VLVisionConfig, model25.Qwen2_5_VisionTransformerPretrainedModel, "visual."),
    "qwen3-vl": (config3.Qwen3VLVisionConfig, model3.Qwen3VLVisionModel, "model.visual."),
}
TOKENS_PER_SECOND = 4  # the class's own

for name, (config_class, model_class, prefix) in MODELS.items():
    folder = HERE / name
    settings = json.loads((folder / "config.json").read_text())["vision_config"]
    settings.pop("model_type")
    config = config_class(**settings)
    config._attn_implementation = "eager"
    model = model_class(config).eval().float()
    weights = load_file(folder / "model.safetensors")
    model.load_state_dict({key.removeprefix(prefix): value for key, value in weights.items()})

    fields = json.loads((folder / "preprocessor_config.json").read_text())
    fields.pop("image_processor_type")
    if name == "qwen3-vl":  # whose range is that of all frames together
        fields["size"] = {"shortest_edge": 8 * 8 * 8, "longest_edge": 8 * 8 * 96}
        file = {"video_processor_type": "Qwen3VLVideoProcessor", "do_sample_frames": True, "fps": 2, **fields}
        (folder / "video_preprocessor_config.json").write_text(json.dumps(file, indent=2) + "\n")
    processor = (Qwen3VLVideoProcessor if name == "qwen3-vl" else Qwen2VLVideoProcessor)(**fields)

    random = np.random.default_rng(5)
    tensors, facts = {}, []
    for i, (count, height, width, fps) in enumerate(VIDEOS):
        # Smooth pictures: torchvision and Pillow round a resized photo's bytes in different ways.
        y, x = np.mgrid[:height, :width]
        waves = random.uniform(0.05, 0.2, (count, 3, 2))
        frames = [
            np.stack([127 + 100 * np.sin(a * y + b * x + t) for a, b in waves[t]], axis=-1).astype(np.uint8)
            for t in range(count)
        ]
        batch = processor([np.stack(frames)], do_sample_frames=False, return_tensors="pt")
        grid = batch["video_grid_thw"]
        with torch.no_grad():
            out = model(batch["pixel_values_videos"], grid, return_dict=True)
        levels = [out.pooler_output, *(getattr(out, "deepstack_features", None) or [])]
        tensors |= {f"{i}.frames": torch.from_numpy(np.stack(frames)), f"{i}.embeddings": torch.cat(levels, dim=1)}
        interval = TOKENS_PER_SECOND * torch.tensor([2 / fps])[0] if name == "qwen2-5-vl" else 1
        places = model25.Qwen2_5_VLModel.get_vision_position_ids(None, 0, grid[0], 1, 2, interval)
        seconds = Qwen3VLProcessor._calculate_timestamps(None, list(range(count)), fps, 2)
        facts.append(
            {
                "fps": fps,
                "grid": grid[0].tolist(),
                "times": places[0].reshape(grid[0, 0], -1)[:, 0].tolist(),
                "seconds": [f"<{value:.1f} seconds>" for value in seconds],
            }
        )
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "video.safetensors")
    (folder / "video.json").write_text(json.dumps(facts) + "\n")
    print(name, [fact["grid"] for fact in facts], facts[0]["times"], facts[3]["times"])
