"""Writes a full-size encoder with seeded random weights as its repository publishes it, and what transformers makes of two photos.

    python make.py <name of models.py> <folder> <photo> [<photo> ...]

The folder gets config.json, preprocessor_config.json, model.safetensors and features.safetensors: for photo i
    tokens.{i}       [N, D]  the patch tokens of the last hidden state
    class_token.{i}  [D]     where there is one
Weights are scaled so that the features are unit-scale and no operation is idle: biases, norms, layer scales and positions are
all random. Printed: one line of JSON with the features' root mean square, the seconds per image and the versions.
"""

import importlib.util
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import PIL
import torch
import transformers
from models import MODELS, Model
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file

GOLDEN = Path(__file__).parents[2] / "test" / "golden" / "checkpoint" / "make_checkpoints.py"
# Query and key are a little larger than the rest: attention that differs from token to token, as in trained models.
SHARPNESS = 1.5
PROCESSORS = {
    "ViT": ("vit", "ViTImageProcessorPil"),
    "Siglip": ("siglip", "SiglipImageProcessorPil"),
    "Siglip2": ("siglip2", "Siglip2ImageProcessorPil"),
    "CLIP": ("clip", "CLIPImageProcessorPil"),
    "InternVL": ("got_ocr2", "GotOcr2ImageProcessorPil"),
    "InternVL/published": ("clip", "CLIPImageProcessorPil"),
    "Dinov2": ("bit", "BitImageProcessorPil"),
    "Dinov2WithRegisters": ("bit", "BitImageProcessorPil"),
}
TOWERS = {"ViT": "ViTModel", "Dinov2": "Dinov2Model", "Dinov2WithRegisters": "Dinov2WithRegistersModel"}
OPTIONS = {"ViT": {"add_pooling_layer": False}}


def tower_of(spec: Model) -> torch.nn.Module:
    name = TOWERS.get(spec.reference, f"{spec.reference}VisionModel")
    config = spec.config.get("vision_config", spec.config)
    if spec.published_names:
        config = config | {"attention_bias": config["qkv_bias"], "use_qk_norm": config["qk_normalization"]}
    if spec.reference in ("Siglip", "Siglip2"):
        config = config | {"vision_use_head": False}
    config_class = getattr(transformers, name.replace("Model", "Config"))
    arguments = {k: v for k, v in config.items() if k not in ("model_type", "architectures")}
    return getattr(transformers, name)(config_class(**arguments), **OPTIONS.get(spec.reference, {}))


def randomise(model: torch.nn.Module, depth: int) -> None:
    generator = torch.Generator().manual_seed(0)
    ends = ("out_proj.weight", "output.dense.weight", "fc2.weight", "projection_layer.weight", "attention.projection.weight")
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator)
            if p.ndim == 1:
                is_scale = ("norm" in name and name.endswith("weight")) or "lambda" in name
                p.copy_(1 + 0.2 * noise if is_scale else 0.1 * noise)
            elif "embedding" in name and p.ndim != 4 or "token" in name:
                p.copy_(0.5 * noise)
            else:
                scale = p[0].numel() ** -0.5
                if any(part in name for part in ("q_proj", "k_proj", "query", "key")):
                    scale *= SHARPNESS
                if name.endswith(ends):
                    scale *= (2 * depth) ** -0.5
                p.copy_(scale * noise)


def processor_of(spec: Model):
    module, name = PROCESSORS[f"{spec.reference}/published" if spec.published_names else spec.reference]
    path = f"transformers.models.{module}.image_processing_pil_{module}"
    options = {k: v for k, v in spec.processor.items() if k not in ("image_processor_type", "feature_extractor_type")}
    return getattr(importlib.import_module(path), name)(**options)


def published(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    spec = importlib.util.spec_from_file_location("make_checkpoints", GOLDEN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.as_published(tensors)


def main(name: str, folder: Path, photos: list[str]) -> None:
    spec = MODELS[name]
    folder.mkdir(parents=True, exist_ok=True)
    model = tower_of(spec)
    randomise(model, model.config.num_hidden_layers)
    # As they are rounded in the file.
    model = model.to(getattr(torch, spec.dtype)).eval()
    # transformers 5 has names of its own in memory: save_pretrained brings them back to the published ones.
    with tempfile.TemporaryDirectory(dir=folder) as plain:
        model.save_pretrained(plain)
        tensors = load_file(Path(plain) / "model.safetensors")
    tensors = published(tensors) if spec.published_names else tensors
    tensors = {spec.prefix + name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    del tensors
    (folder / "config.json").write_text(json.dumps(spec.config, indent=2))
    (folder / "preprocessor_config.json").write_text(json.dumps(spec.processor, indent=2))

    model = model.to(torch.float32)
    processor = processor_of(spec)
    config = model.config
    side = lambda size: size if isinstance(size, int) else size[0]
    features: dict[str, torch.Tensor] = {}
    start = time.perf_counter()
    for i, photo in enumerate(photos):
        image = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
        inputs = processor(image, return_tensors="pt")
        with torch.no_grad():
            states = model(**inputs).last_hidden_state[0]
        if "spatial_shapes" in inputs:  # NaFlex: a grid of the image's own, then padding
            features[f"tokens.{i}"] = states[: int(inputs["spatial_shapes"][0].prod())].contiguous()
            continue
        pixels = inputs["pixel_values"]
        count = (pixels.shape[-2] // side(config.patch_size)) * (pixels.shape[-1] // side(config.patch_size))
        features[f"tokens.{i}"] = states[-count:].contiguous()
        if len(states) > count:
            features[f"class_token.{i}"] = states[0].clone()
    seconds = (time.perf_counter() - start) / len(photos)
    save_file(features, folder / "features.safetensors")
    everything = torch.cat([t.flatten() for t in features.values()])
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}, Pillow {PIL.__version__}, "
    versions += f"numpy {np.__version__}, Python {platform.python_version()}"
    print(json.dumps({"rms": everything.square().mean().sqrt().item(), "seconds": seconds, "versions": versions}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
