"""Writes MobileNetV2 as an ONNX classifier for `vqrae evaluate reconstruction --classifier`, from Google's TFLite file:

    PYTHONPATH=training python scripts/feature-network/mobilenet_v2_onnx.py \\
        mobilenet_v2_1.0_224_quant.tflite imagenet_labels.txt mobilenet-v2.onnx

The trainer's perceptual loss sees through MobileNetV1 and never through this one, so this one may judge reconstructions.
The labels are one a line, "background" first. Needs torch and onnx.
"""

import sys
from pathlib import Path

import torch.nn.functional as F
from mobilenet_onnx import write
from torch import Tensor, nn
from vqrae_training.losses.mobilenet import padded_convolution, read_convolutions, torch_layout

# Expansion, channels, blocks, stride of the first (Sandler et al. 2018, table 2).
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class MobileNetV2(nn.Module):
    """Pixels [n, 3, 224, 224] in [0, 1] -> logits [n, 1001]."""

    def __init__(self, path: str):
        super().__init__()
        self.layers = read_convolutions(path)

    def forward(self, pixels: Tensor) -> Tensor:
        layers = iter(self.layers)

        def convolve(x: Tensor, stride: int = 1, depthwise: bool = False, linear: bool = False) -> Tensor:
            weight, bias = next(layers)
            x = padded_convolution(x, torch_layout(weight, depthwise), bias, stride, depthwise)
            return x if linear else F.relu6(x)

        x = convolve(pixels * 2 - 1, 2)
        for expansion, channels, blocks, first in STAGES:
            for block in range(blocks):
                y = x if expansion == 1 else convolve(x)
                y = convolve(convolve(y, first if block == 0 else 1, depthwise=True), linear=True)
                x = x + y if y.shape == x.shape else y
                assert x.shape[1] == channels
        return convolve(convolve(x).mean((2, 3), keepdim=True), linear=True).flatten(1)


def main(source: str, labels: str, target: str) -> None:
    names = Path(labels).read_text().splitlines()
    write(MobileNetV2(source), target, "mobilenet-v2-1.0-224", ["logits"], {"labels": names})


if __name__ == "__main__":
    main(*sys.argv[1:])
