"""VQRAE: encoder, SimVQ quantizer, symmetric decoder. `state_dict()` is the checkpoint, name for name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .decoder import Decoder, DecoderConfig
from .quantizer import Quantized, SimVQ
from .vit import ViTConfig, ViTEncoder


@dataclass(frozen=True)
class CodebookConfig:
    size: int = 4096
    dim: int = 256
    bias: bool = False
    # Blocks (1-based) whose patch tokens the quantizer sees, concatenated. The paper takes the last alone.
    layers: tuple[int, ...] = (12,)
    # LayerNorm without affine on each layer's tokens first: residual streams differ in scale by layer.
    normalize: bool = True


@dataclass(frozen=True)
class VQRAEConfig:
    encoder: ViTConfig = field(default_factory=ViTConfig)
    codebook: CodebookConfig = field(default_factory=CodebookConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)


def quantizer_input(hidden: list[Tensor], normalize: bool) -> Tensor:
    """Hidden states [n, 1 + t, d] each -> their patch tokens, each LayerNormed without affine, concatenated."""
    tokens = [h[:, 1:].float() for h in hidden]
    if normalize:
        tokens = [F.layer_norm(t, t.shape[-1:], eps=1e-6) for t in tokens]
    return torch.cat(tokens, -1)


class Output(NamedTuple):
    pixels: Tensor  # [n, 3, H, W], about [0, 1]
    quantized: Quantized
    hidden: list[Tensor]  # the encoder's taps: the codebook's layers, then the last block


class VQRAE(nn.Module):
    def __init__(self, config: VQRAEConfig):
        super().__init__()
        self.config = config
        e, c, d = config.encoder, config.codebook, config.decoder
        self.encoder = ViTEncoder(e)
        self.quantizer = SimVQ(c.size, c.dim, e.hidden_size * len(c.layers), d.hidden_size, c.bias)
        self.decoder = Decoder(d, e.grid)

    @property
    def taps(self) -> tuple[int, ...]:
        """Blocks whose output a forward pass keeps: the codebook's layers and the last (which is distilled)."""
        return tuple(sorted({*self.config.codebook.layers, self.config.encoder.num_hidden_layers}))

    def quantizer_input(self, hidden: list[Tensor]) -> Tensor:
        """Taps of `self.taps` -> patch tokens of the codebook's layers [n, t, layers * d]."""
        by_block = dict(zip(self.taps, hidden, strict=True))
        c = self.config.codebook
        return quantizer_input([by_block[k] for k in c.layers], c.normalize)

    def forward(self, pixels: Tensor) -> Output:
        hidden = self.encoder(pixels, self.taps)
        quantized = self.quantizer(self.quantizer_input(hidden))
        return Output(self.decoder(quantized.vectors), quantized, hidden)

    def decode(self, ids: Tensor) -> Tensor:
        """Ids [n, t] -> pixels [n, 3, H, W], clamped to [0, 1]."""
        return self.decoder(self.quantizer.lookup(ids)).clamp(0, 1)
