"""VQRAE: pretrained encoder, vector quantizer, symmetric decoder (VQRAE section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UserError
from .decoder import Decoder, DecoderConfig
from .encoder import Encoder
from .quantizer import VQ, Quantized, SimVQ

QUANTIZERS = {"simvq": SimVQ, "vq": VQ}
COMBINE = ("concat", "sum")


@dataclass(frozen=True)
class CodebookConfig:
    size: int = 4096
    dim: int = 256
    bias: bool = False  # of SimVQ's W
    # Blocks (1-based, ascending) whose patch tokens the quantizer sees; negative counts from the end. The paper takes the last
    # alone.
    layers: tuple[int, ...] = (-1,)
    combine: str = "concat"  # one layer's tokens beside the other's, or their "sum" (RAEv2, arXiv 2605.18324)
    # LayerNorm without affine on each layer's tokens first: residual streams differ in scale by layer.
    normalize: bool = True
    quantizer: str = "simvq"  # or "vq"
    beta: float = 0.25  # of the commitment term


def quantizer_input(hidden: list[Tensor], prefix: int, normalize: bool, combine: str = "concat") -> Tensor:
    """Concatenate or add the patch tokens of hidden states [n, prefix + t, d], each after a LayerNorm without affine where
    `normalize` says so."""
    tokens = [h[:, prefix:].float() for h in hidden]
    if normalize:
        tokens = [F.layer_norm(t, t.shape[-1:], eps=1e-6) for t in tokens]
    return torch.stack(tokens).sum(0) if combine == "sum" else torch.cat(tokens, -1)


class Output(NamedTuple):
    pixels: Tensor  # [n, 3, H, W], about [0, 1]
    quantized: Quantized
    hidden: list[Tensor]  # the encoder's taps: the codebook's layers, then the last block


class VQRAE(nn.Module):
    """Normalised pixels [n, 3, H, W] -> ids and pixels. Raises UserError for layers that the encoder does not have."""

    def __init__(self, encoder: Encoder, codebook: CodebookConfig, decoder: DecoderConfig):
        super().__init__()
        count, c = encoder.num_layers, codebook
        layers = tuple(count + 1 + k if k < 0 else k for k in c.layers)
        if not layers or not all(1 <= k <= count for k in layers) or list(layers) != sorted(set(layers)):
            raise UserError(f"Expected ascending blocks from 1 to {count} for codebook.layers but received {c.layers}")
        if c.quantizer not in QUANTIZERS:
            raise UserError(f"Expected one of {', '.join(QUANTIZERS)} for codebook.quantizer but received {c.quantizer!r}")
        self.codebook_config, self.codebook_layers = codebook, layers
        self.encoder = encoder
        options = {"bias": c.bias} if c.quantizer == "simvq" else {}
        if c.combine not in COMBINE:
            raise UserError(f"Expected one of {', '.join(COMBINE)} for codebook.combine but received {c.combine!r}")
        width = encoder.hidden_size * (1 if c.combine == "sum" else len(layers))
        self.quantizer = QUANTIZERS[c.quantizer](c.size, c.dim, width, decoder.hidden_size, beta=c.beta, **options)
        self.decoder = Decoder(decoder, encoder.grid)

    @property
    def taps(self) -> tuple[int, ...]:
        """Blocks whose output a forward pass keeps: the codebook's layers, and the last, which is distilled."""
        return tuple(sorted({*self.codebook_layers, self.encoder.num_layers}))

    def quantizer_input(self, hidden: list[Tensor]) -> Tensor:
        """Return the patch tokens of the codebook's layers [n, t, layers * d], or [n, t, d] for their sum, from the taps of
        `self.taps`."""
        by_block = dict(zip(self.taps, hidden, strict=True))
        layers, c = [by_block[k] for k in self.codebook_layers], self.codebook_config
        return quantizer_input(layers, self.encoder.prefix, c.normalize, c.combine)

    def forward(self, pixels: Tensor) -> Output:
        hidden = self.encoder(pixels, self.taps)
        quantized = self.quantizer(self.quantizer_input(hidden))
        return Output(self.decoder(quantized.vectors), quantized, hidden)

    def decode(self, ids: Tensor) -> Tensor:
        """Decode ids [n, t] to pixels [n, 3, H, W], clamped to [0, 1]."""
        return self.decoder(self.quantizer.lookup(ids)).clamp(0, 1)
