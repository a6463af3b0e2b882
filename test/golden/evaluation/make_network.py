"""Writes a feature network of random weights, tiny.onnx and tiny.json, and expected.json: what torch says of two images.

    PYTHONPATH=../../../training python make_network.py   (torch, onnx, Pillow)
"""

import json
import sys
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import Image
from torch import Tensor, nn
from vqrae_training.losses.mobilenet import perceptual_distance

here = Path(__file__).parent
sys.path.insert(0, str(here.parent / "image"))
from make_fixtures import pattern  # noqa: E402

SIZE = 24
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.second = nn.Conv2d(6, 8, 3, stride=2, padding=1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        first = self.first(pixels).relu()
        second = self.second(first).relu()
        tokens = second.flatten(2).transpose(1, 2)  # the form of a transformer's layer
        return second.mean((2, 3), keepdim=True), first, tokens


def pixels_of(image: Image.Image) -> Tensor:
    resized = np.asarray(image.resize((SIZE, SIZE), Image.BICUBIC), np.float32) / 255
    return torch.from_numpy((resized - np.float32(MEAN)) / np.float32(STD)).permute(2, 0, 1)[None]


def main() -> None:
    torch.manual_seed(0)
    network = Tiny().eval().requires_grad_(False)
    names = ["features", "first", "tokens"]
    example = torch.zeros(1, 3, SIZE, SIZE)
    torch.onnx.export(network, (example,), here / "tiny.onnx", dynamo=False, input_names=["pixels"], output_names=names)
    description = {
        "name": "tiny-random",
        "input": {"size": SIZE, "resample": "bicubic", "mean": MEAN, "std": STD},
        "features": "features",
        "taps": names[1:],
    }
    (here / "tiny.json").write_text(json.dumps(description, indent=2) + "\n")
    images = [pattern("mixed", 40, 31), pattern("edges", 33, 20)]
    (a, *taps_a), (b, *taps_b) = (network(pixels_of(image)) for image in images)
    channels_first = lambda taps: [taps[0], taps[1].transpose(1, 2)[..., None]]
    expected = {
        "made": {"torch": torch.__version__, "pillow": PIL.__version__},
        "features": [x.flatten().tolist() for x in (a, b)],
        "perceptual": perceptual_distance(channels_first(taps_a), channels_first(taps_b)).item(),
    }
    (here / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
