"""The Vision Transformer used as encoder and decoder, with the tensor names of Hugging Face's `vit` family.

`state_dict()` of `ViTEncoder` equals a `google/vit-*` checkpoint name for name
(transformers/models/vit/modeling_vit.py), so weights move both ways untouched.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class ViTConfig:
    """The fields of a Hugging Face `vit` config that decide the graph."""

    hidden_size: int = 192
    intermediate_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 3
    image_size: int = 224
    patch_size: int = 16
    num_channels: int = 3
    layer_norm_eps: float = 1e-6
    hidden_act: str = "gelu"
    qkv_bias: bool = True
    model_type: str = "vit"

    @property
    def grid(self) -> int:
        return self.image_size // self.patch_size

    def to_dict(self) -> dict:
        return asdict(self)


class _SelfAttention(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))


class _Dense(nn.Module):
    """HF wraps each linear in a module of its own; the wrapper exists for the name only."""

    def __init__(self, d_in: int, d_out: int):
        super().__init__()
        self.dense = nn.Linear(d_in, d_out)


class _Attention(nn.Module):
    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention = _SelfAttention(dim)
        self.output = _Dense(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        n, t, d = x.shape
        a = self.attention
        q, k, v = (p(x).view(n, t, self.heads, d // self.heads).transpose(1, 2) for p in (a.query, a.key, a.value))
        y = F.scaled_dot_product_attention(q, k, v)  # (n, heads, t, d / heads)
        return self.output.dense(y.transpose(1, 2).reshape(n, t, d))


class Block(nn.Module):
    """Pre-norm transformer block: x + attention(norm(x)), then x + mlp(norm(x)). [n, t, d] -> [n, t, d]."""

    def __init__(self, dim: int, heads: int, mlp_dim: int, eps: float):
        super().__init__()
        self.layernorm_before = nn.LayerNorm(dim, eps=eps)
        self.attention = _Attention(dim, heads)
        self.layernorm_after = nn.LayerNorm(dim, eps=eps)
        self.intermediate = _Dense(dim, mlp_dim)
        self.output = _Dense(mlp_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.layernorm_before(x))
        return x + self.output.dense(F.gelu(self.intermediate.dense(self.layernorm_after(x))))


class Layers(nn.Module):
    """Holds the blocks under HF's name `layer`."""

    def __init__(self, depth: int, dim: int, heads: int, mlp_dim: int, eps: float):
        super().__init__()
        self.layer = nn.ModuleList(Block(dim, heads, mlp_dim, eps) for _ in range(depth))


class _PatchEmbeddings(nn.Module):
    def __init__(self, config: ViTConfig):
        super().__init__()
        p = config.patch_size
        self.projection = nn.Conv2d(config.num_channels, config.hidden_size, p, stride=p)


class _Embeddings(nn.Module):
    def __init__(self, config: ViTConfig):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.hidden_size))
        self.position_embeddings = nn.Parameter(torch.randn(1, config.grid**2 + 1, config.hidden_size) * 0.02)
        self.patch_embeddings = _PatchEmbeddings(config)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.patch_embeddings.projection(pixels).flatten(2).transpose(1, 2)  # (n, grid * grid, d)
        return torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.position_embeddings


class ViTEncoder(nn.Module):
    """Pixels [n, 3, H, W] -> hidden states of chosen blocks, each [n, 1 + grid*grid, d], class token first."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        self.config = config
        c = config
        self.embeddings = _Embeddings(c)
        self.encoder = Layers(
            c.num_hidden_layers, c.hidden_size, c.num_attention_heads, c.intermediate_size, c.layer_norm_eps
        )
        self.layernorm = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)

    def forward(self, pixels: Tensor, blocks: tuple[int, ...]) -> list[Tensor]:
        """`blocks` are 1-based, ascending: k is the residual stream after block k, as HF's hidden_states[k]."""
        x, taps = self.embeddings(pixels), []
        for i, block in enumerate(self.encoder.layer, start=1):
            x = block(x)
            if i in blocks:
                taps.append(x)
        return taps
