"""Pre-norm transformer blocks, with the tensor names of Hugging Face's `vit` family (transformers/models/vit).

The decoder is made of them; encoders are transformers' own models (encoder.py).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class _SelfAttention(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(dim, dim) for _ in range(3))


class _Dense(nn.Module):
    """HF wraps each linear in a module. This wrapper exists for the name only."""

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
