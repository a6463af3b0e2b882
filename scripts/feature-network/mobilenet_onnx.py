"""Writes MobileNetV1 as an ONNX feature network for `vqrae evaluate reconstruction --features`, from Google's TFLite file:

    PYTHONPATH=training python scripts/feature-network/mobilenet_onnx.py \\
        mobilenet_v1_1.0_224_quant_embedding_extractor.tflite mobilenet-v1.onnx

Outputs: the taps of the trainer's perceptual loss, and "features", the mean over positions of the last one (1024).
Needs torch and onnx.
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from vqrae_training.losses.mobilenet import TAPS, MobileNetV1

SIZE = 224
NAMES = [f"conv{tap}" for tap in TAPS]


class WithFeatures(nn.Module):
    def __init__(self, network: MobileNetV1):
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        taps = self.network(pixels)
        return taps[-1].mean((2, 3)), *taps


def write(network: nn.Module, target: str, name: str, outputs: list[str], more: dict) -> None:
    """Write the network, of pixels in [0, 1], and its description. outputs: the first one is "features"."""
    pixels = torch.zeros(1, 3, SIZE, SIZE)
    torch.onnx.export(network.eval(), (pixels,), target, dynamo=False, input_names=["pixels"], output_names=outputs)
    view = {"size": SIZE, "resample": "bilinear", "mean": [0, 0, 0], "std": [1, 1, 1]}
    description = {"name": name, "input": view, "features": outputs[0]} | more
    Path(target).with_suffix(".json").write_text(json.dumps(description, indent=2) + "\n")


def main(source: str, target: str) -> None:
    write(WithFeatures(MobileNetV1(source)), target, "mobilenet-v1-1.0-224", ["features", *NAMES], {"taps": NAMES})


if __name__ == "__main__":
    main(*sys.argv[1:])
