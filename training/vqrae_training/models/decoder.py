"""The symmetric ViT decoder: one token in, one q x q square of pixels out (VQRAE section 3.2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .vit import Layers


@dataclass(frozen=True)
class DecoderConfig:
    hidden_size: int = 192
    intermediate_size: int = 768
    layers: int = 12
    heads: int = 3
    patch_size: int = 8  # q: pixels of one token's square; the output is grid * q wide and high
    # Side in tokens, odd, of what the pixel head sees for one square. The paper's is 1. With 3 the seams between squares
    # nearly vanish (docs/vqrae-tiny.md).
    head_kernel: int = 1
    layer_norm_eps: float = 1e-6
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def to_json(self) -> dict:
        """Return the checkpoint's `decoder` section."""
        fields = {_json_name(k): list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return fields | {"activation": "gelu"}

    @classmethod
    def from_json(cls, section: dict) -> DecoderConfig:
        names = {_json_name(k): k for k in cls.__dataclass_fields__}
        return cls(**{names[k]: tuple(v) if isinstance(v, list) else v for k, v in section.items() if k in names})


def _json_name(name: str) -> str:
    """Spell hidden_size as hiddenSize, as config.json does."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def pixel_patches(pixels: Tensor, patch: int) -> Tensor:
    """Cut [n, 3, H, W] into the square of each token, [n, t, 3 * patch * patch], in raster order. A square is ordered channel,
    row, column."""
    return F.unfold(pixels, patch, stride=patch).transpose(1, 2)


class Decoder(nn.Module):
    """[n, grid*grid, hidden] -> pixels [n, 3, grid*q, grid*q], about [0, 1] (not clamped)."""

    def __init__(self, config: DecoderConfig, grid: int):
        super().__init__()
        c = self.config = config
        self.grid = grid
        self.checkpointing = False
        self.position_embeddings = nn.Parameter(torch.randn(1, grid * grid, c.hidden_size) * 0.02)
        # The blocks carry HF's names: decoder.layer.{i}.attention.attention.query ...
        self.layer = Layers(c.layers, c.hidden_size, c.heads, c.intermediate_size, c.layer_norm_eps).layer
        self.layernorm = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        # Outputs are ordered row, column, channel.
        self.head = nn.Conv2d(c.hidden_size, c.patch_size**2 * 3, c.head_kernel, padding=c.head_kernel // 2)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        # Residual branches start small in proportion to depth (GPT-2). This steadies the first steps.
        for block in self.layer:
            for out in (block.attention.output.dense, block.output.dense):
                nn.init.trunc_normal_(out.weight, std=0.02 / (2 * c.layers) ** 0.5)

    def enable_checkpointing(self) -> None:
        """Keep only the blocks' inputs for the backward pass and compute the rest again."""
        self.checkpointing = True

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.position_embeddings
        for block in self.layer:
            x = checkpoint(block, x, use_reentrant=False) if self.checkpointing and torch.is_grad_enabled() else block(x)
        n, g, q = len(x), self.grid, self.config.patch_size
        tokens = self.layernorm(x).transpose(1, 2).reshape(n, -1, g, g)
        y = self.head(tokens).float()  # (n, q * q * 3, g, g)
        y = y.view(n, q, q, 3, g, g).permute(0, 3, 4, 1, 5, 2).reshape(n, 3, g * q, g * q)
        mean, std = (y.new_tensor(v).view(1, 3, 1, 1) for v in (self.config.mean, self.config.std))
        return y * std + mean
