"""Makes the tiny towers and projectors of Pixtral and Mistral 3 beside this file, and what transformers 5.18 gives with them.

    pip install transformers==5.18 torch safetensors numpy
    python make_pixtral.py
"""

import json
from pathlib import Path

import numpy as np
import torch
import transformers as tf
from PIL import Image
from safetensors.torch import save_file
from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

here = Path(__file__).parent
SIZES = [(24, 32), (40, 40), (9, 90), (70, 30)]
TEXT = {
    "vocab_size": 16,
    "hidden_size": 12,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "head_dim": 12,
    "rms_norm_eps": 1e-5,
}
VISION = {
    "model_type": "pixtral",
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "head_dim": 8,
    "patch_size": 4,
    "image_size": 48,
}


def make(name, config, model_class, merge, vision, prefixes):
    folder = here / name
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    config._attn_implementation = "eager"
    model = model_class(config).eval().float()
    with torch.no_grad():
        for key, weight in sorted(model.named_parameters()):
            spread = 0.3 if weight.ndim == 1 else 1.5 / weight[0].numel() ** 0.5
            is_scale = ("norm" in key or "ln_pre" in key) and key.endswith("weight")
            weight.copy_(is_scale + spread * torch.randn_like(weight))

    mean = [0.4, 0.5, 0.6]
    std = [0.3, 0.25, 0.2]
    size = {"longest_edge": 48}
    # PixtralProcessor gives the image processor patches that are whole cells.
    whole = PixtralImageProcessorPil(size=size, image_mean=mean, image_std=std, patch_size=4 * merge)
    random = np.random.default_rng(3)
    expected = {}
    for i, (height, width) in enumerate(SIZES):
        image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        batch = whole([Image.fromarray(image)], return_tensors="pt")
        pixels, sizes = batch["pixel_values"], batch["image_sizes"]
        with torch.no_grad():
            hidden = model.model.vision_tower(pixels, image_sizes=sizes.tolist(), output_hidden_states=True)
            embedded = model.model.get_image_features(pixels, image_sizes=sizes).pooler_output
        rows, columns = (side // 4 for side in sizes[0].tolist())
        patches = pixels[0].reshape(3, rows, 4, columns, 4).permute(1, 3, 0, 2, 4)
        expected |= {
            f"{i}.image": torch.from_numpy(image),
            f"{i}.grid": torch.tensor([rows, columns], dtype=torch.int32),
            f"{i}.patches": patches.reshape(rows * columns, 48),
            f"{i}.features": hidden.hidden_states[-1][0],
            f"{i}.embeddings": torch.cat(list(embedded)).reshape(-1, 12),
        }

    weights = {
        key.replace("model.", prefix, 1): weight.contiguous()
        for part, prefix in prefixes.items()
        for key, weight in model.state_dict().items()
        if key.startswith(f"model.{part}.")
    }
    save_file(weights, folder / "model.safetensors")
    written = {
        "model_type": config.model_type,
        "vision_config": vision,
        "text_config": {"hidden_size": 12, "rms_norm_eps": 1e-5},
        "projector_hidden_act": "gelu",
        "vision_feature_layer": -1,
        **({"vision_feature_select_strategy": "full"} if merge == 1 else {"spatial_merge_size": merge}),
    }
    (folder / "config.json").write_text(json.dumps(written, indent=2) + "\n")
    patch = {"height": 4, "width": 4} if merge == 1 else 4
    preprocessor = {
        "image_processor_type": "PixtralImageProcessor" if merge == 1 else "PixtralImageProcessorFast",
        "size": size,
        "patch_size": patch,
        "image_mean": mean,
        "image_std": std,
        "processor_class": "PixtralProcessor",
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
    save_file({key: value.contiguous() for key, value in expected.items()}, folder / "expected.safetensors")
    print(name, [tuple(expected[f"{i}.grid"].tolist()) for i in range(len(SIZES))])


def tower(**more):
    rotation = {"rope_type": "axial", "rope_theta": more.pop("theta")}
    return tf.PixtralVisionConfig(**{k: v for k, v in VISION.items() if k not in ("model_type", "head_dim")}, **more, rope_parameters=rotation)


make(
    "pixtral",
    tf.LlavaConfig(
        vision_config=tower(theta=10000.0, hidden_act="silu"),
        text_config=tf.MistralConfig(**TEXT),
        image_token_index=1,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    ),
    tf.LlavaForConditionalGeneration,
    1,
    {**VISION, "hidden_act": "silu", "rope_theta": 10000.0, "is_composition": True},
    {"vision_tower": "", "multi_modal_projector": ""},  # as on the hub
)
make(
    "mistral3",
    tf.Mistral3Config(
        vision_config=tower(theta=100.0, hidden_act="gelu"),
        text_config=tf.MistralConfig(**TEXT),
        image_token_index=1,
        vision_feature_layer=-1,
        spatial_merge_size=2,
    ),
    tf.Mistral3ForConditionalGeneration,
    2,
    {**VISION, "hidden_act": "gelu", "rope_parameters": {"rope_type": "axial", "rope_theta": 100.0}},
    {"vision_tower": "model.", "multi_modal_projector": "model."},  # as transformers 5 saves
)
