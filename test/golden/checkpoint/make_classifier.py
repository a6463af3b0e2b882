"""Writes vit-classifier-logits.json: what transformers' ViTForImageClassification says of the images of make_checkpoints.py.

    python make_classifier.py

Made with torch 2.13.0, transformers 5.18.0. The weights are those of `vit-classifier` (F16, widened to float32), the pixels
those of its expected.safetensors.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import ViTForImageClassification

HERE = Path(__file__).parent


def main() -> None:
    folder = HERE / "vit-classifier"
    model = ViTForImageClassification.from_pretrained(folder, dtype=torch.float32).eval()
    pixels = load_file(folder / "expected.safetensors")["pixel_values"]
    with torch.no_grad():
        logits = model(pixel_values=pixels).logits
    stored = {"labels": [model.config.id2label[i] for i in range(3)], "logits": logits.tolist()}
    (HERE / "vit-classifier-logits.json").write_text(json.dumps(stored, indent=2) + "\n")


main()
