"""Fold the integer network's tables and scales into the weights of a float ViT, from which distillation starts."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.optimize import least_squares
from scipy.special import erf
from torch import Tensor

from . import integer_teacher as it
from .model import LOGIT_STD

STREAM_SCALE = 256.0  # the integer residual stream has RMS near 500; the float model runs at about 2


def _fit_line(scalars: Tensor, table: Tensor, low: int, high: int) -> tuple[float, float]:
    """Fit the affine map that the lookup table rounds, from the positions of the table's steps. Returns (slope, offset)."""
    bias, shift, bound = (int(v) for v in scalars)
    t = table.numpy()[: bound + 1]
    steps, inputs = [], []
    for k in range(low + 1, high + 1):
        at = np.nonzero(t >= k)[0]
        if len(at) and at[0] > 0:
            steps.append(k - 0.5)
            inputs.append(at[0] * 2.0**shift - bias)
    slope, offset = np.polyfit(inputs, steps, 1)
    return float(slope), float(offset)


def _fit_norm(p: dict[str, Tensor], prefix: str) -> tuple[Tensor, Tensor]:
    """Compute LayerNorm's float weight and bias from the integer ones and the reciprocal-root table."""
    _, _, bias, shift, bound, out_shift, _ = (int(v) for v in p[prefix + "scalars"])
    table = p[prefix + "rsqrt_table_m"].numpy().astype(float)
    index = np.arange(bound + 1)
    squares = (index + 0.5) * 2.0**shift - bias
    ok = (squares > 0) & (table > 0) & (index > 0) & (index < bound)
    slope, _ = np.polyfit(squares[ok], 1 / table[ok] ** 2, 1, w=table[ok] ** 2)
    gain = math.sqrt(1 / slope / it.WIDTH) / 2.0**out_shift
    return p[prefix + "lnw_m"].float() * gain, p[prefix + "lnb_m"].float() / 2.0**out_shift - 0.5


def _fit_gelu(scalars: Tensor, table: Tensor) -> tuple[float, float, float, float]:
    """Fit gain * gelu(beta * x + shift) + offset to the activation table. Returns (beta, gain, shift, offset)."""
    bias, shift, bound = (int(v) for v in scalars)
    t = table.numpy().astype(float)[: bound + 1]
    x = (np.arange(bound + 1) + 0.5) * 2.0**shift - bias
    use = (t < 7) & (np.arange(bound + 1) > 0)

    def residual(q: np.ndarray) -> np.ndarray:
        u = np.exp(q[0]) * x + q[2]
        y = np.exp(q[1]) * u * 0.5 * (1 + erf(u / math.sqrt(2))) + q[3]
        return (np.clip(y, -0.5, 7) - t)[use]

    starts = [(math.log(beta), math.log(3.0), 0.0, z) for beta in (0.01, 0.02, 0.05, 0.1) for z in (0.0, 0.5, 1.0)]
    best = min((least_squares(residual, s) for s in starts), key=lambda r: r.cost).x
    return math.exp(best[0]), math.exp(best[1]), float(best[2]), float(best[3])


def _softmax_fit(p: dict[str, Tensor], prefix: str) -> tuple[float, float]:
    """Fit the exp and reciprocal tables. Returns (temperature of the scores, factor of the probabilities)."""
    s = [int(v) for v in p[prefix + "s"]]
    e = p[prefix + "e"].numpy().astype(float)
    index = np.nonzero(e > e[0] * 1e-3)[0]
    decay = -np.polyfit(index, np.log(e[index] / e[0]), 1)[0]
    bias, shift, bound, out_shift = s[8], s[9], s[10], s[12]
    r = p[prefix + "r2"].numpy().astype(float)[: bound + 1]
    total = (np.arange(bound + 1) + 0.5) * 2.0**shift - bias
    ok = (total > 0) & (r < 255) & (r > 8)
    return decay / 2.0 ** s[1], float(np.median(r[ok] * total[ok]) / 2.0**out_shift)


def dequantise(p: dict[str, Tensor]) -> dict[str, Tensor]:
    """Turn the integer network's parameters into a `FoundationModel`'s tensors, under HF's names on disk (`vit.*`,
    `classifier.*`). Rounding and clamps are lost."""
    out: dict[str, Tensor] = {}
    patch_scale = 2.0 ** -int(p["pe.s"][0]) / STREAM_SCALE
    e = "vit.embeddings."
    conv = p["pe.w"].float() * patch_scale * it.INPUT_SCALE
    out[e + "patch_embeddings.projection.weight"] = conv.view(it.WIDTH, 3, it.PATCH, it.PATCH)
    positions = p["pe.b"].float() * patch_scale
    out[e + "patch_embeddings.projection.bias"] = positions.mean(0)
    out[e + "cls_token"] = (p["pe.cls"].float() * patch_scale).view(1, 1, -1)
    out[e + "position_embeddings"] = torch.cat([torch.zeros(1, it.WIDTH), positions - positions.mean(0)])[None]
    stream = 1 / STREAM_SCALE  # grows with every block: the integer stream is rescaled at every residual
    root = math.sqrt(it.WIDTH // it.HEADS)
    for i in range(it.DEPTH):
        a, m, b = f"a{i}.", f"m{i}.", f"vit.encoder.layer.{i}."
        out[b + "layernorm_before.weight"], out[b + "layernorm_before.bias"] = _fit_norm(p, a + "ln.")
        temperature, probability = _softmax_fit(p, a + "sm.")
        for c, name in zip("qkv", ("query", "key", "value"), strict=True):
            slope, offset = _fit_line(p[a + c + "q.s"], p[a + c + "q.t"], -4, 3)
            gain = temperature * root if c == "q" else 1.0
            out[b + f"attention.attention.{name}.weight"] = p[a + c + ".w"].float() * slope * gain
            out[b + f"attention.attention.{name}.bias"] = (p[a + c + ".b"].float() * slope + offset) * gain
        slope, offset = _fit_line(p[a + "aq.s"], p[a + "aq.t"], -4, 3)
        scale, shift = (int(v) for v in p[a + "s"])
        stream *= 2.0**shift / scale
        w = p[a + "o.w"].float() * stream
        out[b + "attention.output.dense.weight"] = w * slope * probability
        out[b + "attention.output.dense.bias"] = p[a + "o.b"].float() * stream + w.sum(1) * offset
        out[b + "layernorm_after.weight"], out[b + "layernorm_after.bias"] = _fit_norm(p, m + "ln.")
        beta, gain, start, base = _fit_gelu(p[m + "g.s"], p[m + "g.t"])
        out[b + "intermediate.dense.weight"] = p[m + "1.w"].float() * beta
        out[b + "intermediate.dense.bias"] = p[m + "1.b"].float() * beta + start
        scale, shift = (int(v) for v in p[m + "s"])
        stream *= 2.0**shift / scale
        w = p[m + "2.w"].float() * stream
        out[b + "output.dense.weight"] = w * gain
        out[b + "output.dense.bias"] = p[m + "2.b"].float() * stream + w.sum(1) * base
    out["vit.layernorm.weight"], out["vit.layernorm.bias"] = _fit_norm(p, "h.ln.")
    logit_scale = LOGIT_STD / float(p["h.w"].float().norm(dim=1).mean() * out["vit.layernorm.weight"].norm() / it.WIDTH**0.5)
    out["classifier.weight"], out["classifier.bias"] = p["h.w"].float() * logit_scale, p["h.b"].float() * logit_scale
    return out
