"""Models and photos for bench/encode.ts, of full size with random weights (speed does not depend on their values):

    python bench/encode/make_models.py <folder> [--models vit-s siglip2-b so400m]

A model's folder is as the hub has it, and holds what transformers.js reads besides: onnx/model.onnx, exported by PyTorch of the
same weights, and its 8-bit form onnx/model_quantized.onnx, made by onnxruntime. expected.f32 holds the float32 features that
transformers and PyTorch give for photos/small.jpg and photos/large.jpg, [2, tokens, hidden].

Needs torch, transformers, onnx, onnxscript, onnxruntime and Pillow.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from PIL import Image
from transformers import SiglipVisionConfig, SiglipVisionModel, ViTConfig, ViTModel
from transformers.models.siglip.image_processing_pil_siglip import (
    SiglipImageProcessorPil,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

EXAMPLES = Path(__file__).parents[2] / "examples/images"
SO400M = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}


def vit_s():
    config = ViTConfig(hidden_size=384, intermediate_size=1536, num_attention_heads=6, layer_norm_eps=1e-6)
    processor = ViTImageProcessorPil(size={"height": 224, "width": 224}, resample=Image.Resampling.BICUBIC)
    return ViTModel(config, add_pooling_layer=False), processor


def siglip(image_size: int, **sizes):
    config = SiglipVisionConfig(image_size=image_size, patch_size=16, vision_use_head=False, **sizes)
    return SiglipVisionModel(config), SiglipImageProcessorPil(size={"height": image_size, "width": image_size})


MODELS = {"vit-s": vit_s, "siglip2-b": lambda: siglip(256), "so400m": lambda: siglip(256, **SO400M)}


class Features(torch.nn.Module):
    """What transformers.js's feature extraction asks an exported model for."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values=pixel_values).last_hidden_state


@torch.no_grad()
def make(name: str, folder: Path, photos: list[Image.Image]) -> None:
    torch.manual_seed(0)
    model, processor = MODELS[name]()
    for key, p in model.named_parameters():  # at the default 0.02 every image would give nearly the same features
        if p.ndim == 2 and "position" not in key:
            p.normal_(0, p.shape[1] ** -0.5)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    pixels = processor(photos, return_tensors="pt").pixel_values
    (folder / "onnx").mkdir(exist_ok=True)
    exported = folder / "onnx" / "model.onnx"
    torch.onnx.export(
        Features(model).eval(), (pixels,), exported, input_names=["pixel_values"], output_names=["last_hidden_state"],
        dynamic_shapes={"pixel_values": {0: torch.export.Dim("batch", min=1, max=64)}}, external_data=name == "so400m",
    )  # fmt: skip
    if name == "so400m":  # near protobuf's limit of 2 GB: weights beside the graph, under transformers.js's name for them
        whole = onnx.load(exported)
        exported.with_suffix(".onnx.data").unlink()
        onnx.save_model(whole, exported, save_as_external_data=True, location="model.onnx_data")
    else:
        quantize_dynamic(exported, folder / "onnx" / "model_quantized.onnx", weight_type=QuantType.QInt8, per_channel=True)
    model(pixel_values=pixels).last_hidden_state.numpy().tofile(folder / "expected.f32")


def make_photos(folder: Path) -> list[Image.Image]:
    """640 px and 12 megapixels of the same picture, and a stream of 200 that differ by crop; with grain, as a camera has."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    sources = [Image.open(file).convert("RGB") for file in sorted(EXAMPLES.glob("*.jpg"))]

    def photo(source: Image.Image, size: tuple[int, int], box, file: str) -> Image.Image:
        pixels = np.asarray(source.resize(size, Image.Resampling.LANCZOS, box=box), dtype=np.float32)
        grain = rng.normal(0, 4, pixels.shape).astype(np.float32)
        Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(folder / file, quality=90)
        return Image.open(folder / file)

    width, height = sources[0].size
    whole = (0, 0, width, min(height, width * 3 // 4))
    pair = [photo(sources[0], (640, 480), whole, "small.jpg"), photo(sources[0], (4000, 3000), whole, "large.jpg")]
    (folder / "stream").mkdir(exist_ok=True)
    for i in range(200):
        source = sources[i % len(sources)]
        side = min(source.size) * rng.uniform(0.5, 0.9)
        left, top = rng.uniform(0, source.width - side), rng.uniform(0, source.height - side)
        photo(source, (640, 480), (left, top, left + side, top + side * 0.75), f"stream/{i:03d}.jpg")
    return pair


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    args = parser.parse_args()
    photos = make_photos(args.folder / "photos")
    for name in args.models:
        make(name, args.folder / name, photos)
        print(name, flush=True)


if __name__ == "__main__":
    main()
