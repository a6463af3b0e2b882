"""Logits of the deit-tiny that ships for the photos of examples/images, by transformers' ViTForImageClassification and Pillow.

    python make_deit.py
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from transformers import ViTForImageClassification

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def pixels(path: Path, processor: dict) -> torch.Tensor:
    """Short side to `shortest_edge`, the long one rounded down, and the centre, as transformers' processor does with Pillow."""
    image = Image.open(path).convert("RGB")
    short, side = processor["size"]["shortest_edge"], processor["crop_size"]["height"]
    scale = short / min(image.size)
    image = image.resize([int(scale * n) for n in image.size], Image.Resampling(processor["resample"]))
    left, top = ((n - side) // 2 for n in image.size)
    data = torch.from_numpy(np.asarray(image.crop((left, top, left + side, top + side)))).permute(2, 0, 1) / 255
    mean, std = (torch.tensor(processor[k]).view(3, 1, 1) for k in ("image_mean", "image_std"))
    return (data - mean) / std


@torch.no_grad()
def main() -> None:
    folder = ROOT / "models/deit-tiny"
    model = ViTForImageClassification.from_pretrained(folder, dtype=torch.float32).eval()
    processor = json.loads((folder / "preprocessor_config.json").read_text())
    logits = {}
    for photo in sorted((ROOT / "examples/images").glob("*.jpg")):
        found = model(pixels(photo, processor)[None]).logits[0]
        logits[photo.name] = [round(v, 5) for v in found.tolist()]
        print(photo.name, model.config.id2label[int(found.argmax())])
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}, Python {platform.python_version()}"
    (HERE / "logits.json").write_text(json.dumps({"versions": versions, "logits": logits}) + "\n")


if __name__ == "__main__":
    main()
