"""MobileNetV1 features for a perceptual loss, from Google's quantised TFLite file (Apache-2.0).

It is not LPIPS. It compares five layers' activations, unit-normalised per position as in LPIPS, but without learned weights.
`perceptual_distance` orders distortions of equal MSE sensibly (brightness < contrast < blur < noise < JPEG).
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Stride of each depthwise convolution (Howard et al. 2017, table 1).
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
# Taps: the outputs of these depthwise-separable pairs (1-based).
TAPS = (1, 3, 5, 11, 13)


class _Table:
    """A FlatBuffers table: just enough of the format to read weights."""

    def __init__(self, data: bytes, at: int):
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]
        self.slots = (struct.unpack_from("<H", data, self.vtable)[0] - 4) // 2

    def _field(self, slot: int) -> int | None:
        offset = struct.unpack_from("<H", self.data, self.vtable + 4 + 2 * slot)[0] if slot < self.slots else 0
        return self.at + offset if offset else None

    def _follow(self, at: int) -> int:
        return at + struct.unpack_from("<I", self.data, at)[0]

    def table(self, slot: int) -> _Table | None:
        at = self._field(slot)
        return None if at is None else _Table(self.data, self._follow(at))

    def uint(self, slot: int) -> int:
        at = self._field(slot)
        return 0 if at is None else struct.unpack_from("<I", self.data, at)[0]

    def array(self, slot: int, dtype: type) -> np.ndarray:
        at = self._field(slot)
        if at is None:
            return np.zeros(0, dtype)
        start = self._follow(at)
        return np.frombuffer(self.data, dtype, struct.unpack_from("<I", self.data, start)[0], start + 4)

    def tables(self, slot: int) -> list[_Table]:
        at = self._field(slot)
        if at is None:
            return []
        start = self._follow(at)
        count = struct.unpack_from("<I", self.data, start)[0]
        return [_Table(self.data, self._follow(start + 4 + 4 * i)) for i in range(count)]


def read_convolutions(path: str | Path) -> list[tuple[Tensor, Tensor]]:
    """Return (weight in TFLite's layout, bias) of every convolution, in order, de-quantised to float32."""
    data = Path(path).read_bytes()
    model = _Table(data, struct.unpack_from("<I", data, 0)[0])
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = graph.tables(0)

    def value(index: int) -> Tensor:
        t = tensors[index]
        shape, raw, q = t.array(0, np.int32), buffers[t.uint(2)].array(0, np.uint8), t.table(4)
        scale, zero = q.array(2, np.float32), q.array(3, np.int64)
        stored = raw if raw.size == shape.prod() else raw.view(np.int32)  # weights are bytes, biases int32
        return torch.from_numpy(((stored.reshape(shape).astype(np.int64) - zero) * scale).astype(np.float32))

    convolutions = [op.array(1, np.int32) for op in graph.tables(3)]
    return [(value(i[1]), value(i[2])) for i in convolutions if len(i) == 3]


def torch_layout(weight: Tensor, depthwise: bool) -> Tensor:
    """Turn TFLite's layout of a convolution's weight into PyTorch's."""
    return weight.permute(3, 0, 1, 2) if depthwise else weight.permute(0, 3, 1, 2)


def padded_convolution(x: Tensor, weight: Tensor, bias: Tensor, stride: int, depthwise: bool) -> Tensor:
    """Convolve square [n, c, s, s] with TensorFlow's SAME padding: the last row and column get the odd pixel."""
    kernel, size = weight.shape[-1], x.shape[-1]
    pad = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    x = F.pad(x, (pad // 2, pad - pad // 2) * 2) if pad else x
    return F.conv2d(x, weight, bias, stride, groups=len(weight) if depthwise else 1)


class MobileNetV1(nn.Module):
    """Pixels [n, 3, H, W] in [0, 1] -> the activations of `TAPS`. Frozen."""

    def __init__(self, path: str | Path):
        super().__init__()
        layers = read_convolutions(path)
        if len(layers) < 1 + 2 * len(STRIDES):
            raise ValueError(f"Expected {1 + 2 * len(STRIDES)} convolutions for MobileNetV1 but received {len(layers)}")
        self.strides = [2, *(s for stride in STRIDES for s in (stride, 1))]
        self.depthwise = [i % 2 == 1 for i in range(len(self.strides))]
        for i, (weight, bias) in enumerate(layers[: len(self.strides)]):
            self.register_buffer(f"weight{i}", torch_layout(weight, self.depthwise[i]).contiguous())
            self.register_buffer(f"bias{i}", bias)

    def forward(self, pixels: Tensor) -> list[Tensor]:
        x = (pixels * 2 - 1).contiguous(memory_format=torch.channels_last)
        taps = []
        for i, stride in enumerate(self.strides[: 1 + 2 * max(TAPS)]):
            weight, bias = getattr(self, f"weight{i}"), getattr(self, f"bias{i}")
            x = F.relu6(padded_convolution(x, weight, bias, stride, self.depthwise[i]))
            if i % 2 == 0 and i // 2 in TAPS:
                taps.append(x)
        return taps


def perceptual_distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """Return the mean over taps and positions of the squared distance between unit-normalised activations, a scalar."""

    def unit(x: Tensor) -> Tensor:
        x = x.float()
        return x / (x.square().sum(1, keepdim=True) + 1e-10).sqrt()

    return torch.stack([(unit(x) - unit(y)).square().sum(1).mean() for x, y in zip(a, b, strict=True)]).mean()
