"""The 3-bit DeiT-tiny (HG-PIPE, MIT) as an exact integer network: the teacher of the foundation model.

Every layer is integer arithmetic with lookup tables. The sums stay below 2**24, so the matrix products run in
float32 without rounding; only LayerNorm's products need 64 bits. `IntegerDeiT` equals the origin's own reference
run bit for bit (checked against `deit3bit.py`, which ships beside the weights).
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..models.decoder import pixel_patches

WIDTH, DEPTH, HEADS, PATCH, GRID = 192, 12, 3, 16, 14
# Pixels reach the network as signed bytes; 2.64 is the largest ImageNet-normalised value a pixel can take.
INPUT_SCALE = 127 / 2.64


class _Table:
    """Looks up table[clamp((value + bias) >> shift)] for integers held in float32."""

    def __init__(self, scalars: Tensor, table: Tensor):
        self.bias, self.shift, self.bound = (int(v) for v in scalars)
        self.table = table.float()

    def __call__(self, x: Tensor) -> Tensor:
        index = x.add(self.bias).mul_(2.0**-self.shift).floor_().clamp_(0, self.bound)
        return self.table[index.to(torch.int32)]


class _LayerNorm:
    def __init__(self, params: dict[str, Tensor], prefix: str):
        scalars = [int(v) for v in params[prefix + "scalars"]]
        self.mean_scale, self.mean_shift, self.var_bias, self.var_shift, self.bound, self.out_shift, bits = scalars
        self.low, self.high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        self.rsqrt, self.weight, self.bias = (params[prefix + k] for k in ("rsqrt_table_m", "lnw_m", "lnb_m"))

    def __call__(self, x: Tensor) -> Tensor:
        x = x.long()
        mean = (x.sum(-1, keepdim=True) * self.mean_scale + (1 << (self.mean_shift - 1))) >> self.mean_shift
        d = x - mean
        variance = (d * d).sum(-1, keepdim=True)
        scale = self.rsqrt[((variance + self.var_bias) >> self.var_shift).clamp(0, self.bound)]
        y = (d * scale * self.weight + self.bias) >> self.out_shift
        return y.clamp(self.low, self.high).float()


class _Softmax:
    def __init__(self, params: dict[str, Tensor], prefix: str):
        s = [int(v) for v in params[prefix + "s"]]
        self.exp_bias, self.exp_shift, self.exp_bound = s[0:3]
        # Two reciprocal tables: a fine one for small sums, a coarse one beyond its end.
        self.small_bias, self.small_shift, self.small_bound = s[3:6]
        self.small_out_bias, self.small_out_shift = s[6:8]
        self.large_bias, self.large_shift, self.large_bound = s[8:11]
        self.large_out_bias, self.large_out_shift, bits = s[11:14]
        self.high = (1 << bits) - 1
        self.exp, self.small, self.large = (params[prefix + k].double() for k in ("e", "r1", "r2"))
        self.exp = self.exp.float()

    def __call__(self, scores: Tensor) -> Tensor:
        d = scores.amax(-1, keepdim=True) - scores
        index = d.add_(self.exp_bias).mul_(2.0**-self.exp_shift).floor_().clamp_(0, self.exp_bound)
        e = self.exp[index.to(torch.int32)]
        total = e.sum(-1, keepdim=True, dtype=torch.float64).long()
        small = (total + self.small_bias) >> self.small_shift
        coarse = small > self.small_bound
        large = ((total + self.large_bias) >> self.large_shift).clamp(0, self.large_bound)
        reciprocal = torch.where(coarse, self.large[large], self.small[small.clamp(0, self.small_bound)])
        shift = torch.where(coarse, 2.0**-self.large_out_shift, 2.0**-self.small_out_shift).double()
        bias = torch.where(coarse, self.large_out_bias, self.small_out_bias).double()
        # (e * reciprocal + bias) >> shift; the clamp to 3 bits leaves float32 exact except at the floor's edge.
        y = e.double().mul_(reciprocal).add_(bias).mul_(shift).floor_().clamp_(0, self.high)
        return y.float()


class IntegerDeiT:
    """`forward(pixels)` gives the residual stream after chosen blocks and the class logits, all integers in float32."""

    def __init__(self, path: str | Path):
        p = {k: v.long() for k, v in load_file(str(path)).items()}
        self.params = p
        self.blocks = []
        for i in range(DEPTH):
            a, m = f"a{i}.", f"m{i}."
            self.blocks.append(
                {
                    "norm1": _LayerNorm(p, a + "ln."),
                    "qkv": [
                        (p[a + c + ".w"].float().t(), p[a + c + ".b"].float(), _Table(p[a + c + "q.s"], p[a + c + "q.t"]))
                        for c in "qkv"
                    ],
                    "softmax": _Softmax(p, a + "sm."),
                    "mix": _Table(p[a + "aq.s"], p[a + "aq.t"]),
                    "out": (p[a + "o.w"].float().t(), p[a + "o.b"].float(), *map(int, p[a + "s"])),
                    "norm2": _LayerNorm(p, m + "ln."),
                    "fc1": (p[m + "1.w"].float().t(), p[m + "1.b"].float(), _Table(p[m + "g.s"], p[m + "g.t"])),
                    "fc2": (p[m + "2.w"].float().t(), p[m + "2.b"].float(), *map(int, p[m + "s"])),
                }
            )
        self.norm = _LayerNorm(p, "h.ln.")

    @staticmethod
    def _residual(x: Tensor, branch: Tensor, scale: int, shift: int) -> Tensor:
        # The stream is rescaled by scale / 2**shift, rounded, before the branch is added.
        return branch + ((x.long() * scale + (1 << (shift - 1))) >> shift).float()

    @torch.no_grad()
    def forward(self, pixels: Tensor, blocks: tuple[int, ...] = (DEPTH,)) -> tuple[list[Tensor], Tensor]:
        """Return [n, 197, 192] after each of `blocks` (1-based), and logits [n, 1000], of normalised pixels [n, 3, 224, 224]."""
        p = self.params
        x = pixel_patches((pixels * INPUT_SCALE).round().clamp(-128, 127), PATCH)
        n, shift = x.shape[0], int(p["pe.s"][0])
        y = x @ p["pe.w"].float().t()
        y = y.long() + p["pe.b"]
        y = torch.cat([p["pe.cls"].view(1, 1, WIDTH).expand(n, 1, WIDTH), y], 1)
        x = ((y + (1 << (shift - 1))) >> shift).float()
        taps = []
        for i, b in enumerate(self.blocks, start=1):
            h = b["norm1"](x)
            q, k, v = (t(h @ w + c).view(n, -1, HEADS, WIDTH // HEADS).transpose(1, 2) for w, c, t in b["qkv"])
            attention = b["softmax"](q @ k.transpose(-1, -2))
            h = b["mix"]((attention @ v).transpose(1, 2).reshape(n, -1, WIDTH))
            w, c, scale, shift = b["out"]
            x = self._residual(x, h @ w + c, scale, shift)
            w, c, table = b["fc1"]
            h = table(b["norm2"](x) @ w + c)
            w, c, scale, shift = b["fc2"]
            x = self._residual(x, h @ w + c, scale, shift)
            if i in blocks:
                taps.append(x)
        logits = self.norm(x)[:, 0] @ p["h.w"].float().t() + p["h.b"].float()
        return taps, logits
