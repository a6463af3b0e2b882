"""`--dry-run`: parameters, memory and time of a step, from the configuration alone. It needs no weights."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from ..config import RunConfig
from ..errors import UserError

GIB = 2**30
# Bytes that one token keeps for the backward pass in one block, over its width: the inputs of its linears, norms, GELU and
# fused attention in 16 bits (4 + 4 + 2 x 4 widths of them, and the residual stream twice in 32 bits).
KEPT_PER_BLOCK = 40
SHARE_OF_MATMUL = 0.5  # of the measured matrix product rate that a whole step reaches


@dataclass(frozen=True)
class Transformer:
    width: int
    inner: int
    layers: int
    tokens: int

    @property
    def parameters(self) -> int:
        return self.layers * (4 * self.width**2 + 2 * self.width * self.inner + 9 * self.width + self.inner)

    @property
    def flops(self) -> float:
        """FLOPs of one image's forward pass: two for each weight and token, and the attention's two products."""
        linears = self.layers * (4 * self.width**2 + 2 * self.width * self.inner)
        return 2.0 * self.tokens * linears + 4.0 * self.layers * self.tokens**2 * self.width


def encoder_facts(config: RunConfig) -> dict:
    """Read the encoder's sizes from its config.json, or take those that the preset expects where there is no folder."""
    e = config.encoder
    names = {"hidden_size": "hidden_size", "num_layers": "num_hidden_layers", "intermediate_size": "intermediate_size",
             "num_heads": "num_attention_heads", "image_size": "image_size", "patch_size": "patch_size"}  # fmt: skip
    file = Path(e.folder) / "config.json"
    if e.folder and file.is_file():
        stored = json.loads(file.read_text())
        stored = stored.get("vision_config", stored)
        side = lambda v: v[0] if isinstance(v, list) else v
        return {name: side(stored[key]) for name, key in names.items() if key in stored}
    facts = {name: getattr(e, name) for name in names}
    if not all(facts.values()):
        raise UserError(f"Expected --encoder, or a preset that describes one, for --dry-run but received {e.folder or 'neither'}")
    return facts


@dataclass(frozen=True)
class Estimate:
    parameters: dict[str, int]
    memory: dict[str, float]  # GiB on each rank
    flops: float  # of one image in a step, forward and backward


def estimate(config: RunConfig, ranks: int) -> Estimate:
    """Compute parameters, memory and FLOPs of a step on each of `ranks` ranks, without weights."""
    f, c, d, run = encoder_facts(config), config.codebook, config.decoder, config.run
    tokens = (f["image_size"] // f["patch_size"]) ** 2
    width, q = f["hidden_size"], d.patch_size or f["patch_size"]
    encoder = Transformer(width, f["intermediate_size"], f["num_layers"], tokens)
    decoder = Transformer(
        d.hidden_size or width, d.intermediate_size or f["intermediate_size"], d.layers or f["num_layers"], tokens
    )
    stem = width * 3 * f["patch_size"] ** 2 + tokens * width
    head = decoder.width * q * q * 3 * d.head_kernel**2
    projections = width * max(1, len(c.layers)) * c.dim + c.dim * decoder.width
    parameters = {
        "encoder": encoder.parameters + stem,
        "quantizer": projections + c.dim**2,
        "codebook (frozen)" if c.quantizer == "simvq" else "codebook": c.size * c.dim,
        "decoder": decoder.parameters + tokens * decoder.width + head,
    }
    trained = parameters["quantizer"] + parameters["decoder"] + (c.size * c.dim if c.quantizer == "vq" else 0)
    trained += parameters["encoder"] if config.stage == 2 else 0
    share = ranks if run.parallel == "fsdp" else 1
    held = sum(parameters.values()) + (parameters["encoder"] if config.stage == 2 else 0)  # the teacher
    micro = run.micro_batch or max(1, run.batch // ranks)
    learning = [decoder] + ([encoder] if config.stage == 2 else [])
    per_block = 4 if run.checkpointing else KEPT_PER_BLOCK
    activations = sum(micro * t.tokens * t.width * t.layers * per_block for t in learning)
    search = micro * tokens * c.size * 4
    memory = {
        "weights (float32)": 4 * held / share / GIB,
        "gradients": 4 * trained / share / GIB,
        "AdamW": 8 * trained / share / GIB,
        "average (EMA)": 4 * trained / share / GIB if config.optimiser.ema else 0.0,
        "activations": activations / GIB,
        "code search": min(search, 2 * GIB) / GIB,
    }
    again = 4 if run.checkpointing else 3  # forward, and twice that backward; once more where it is recomputed
    flops = again * decoder.flops + 3 * 2.0 * tokens * (projections + head) + 2.0 * tokens * c.size * c.dim
    if config.stage == 2:
        flops += (again + 1) * encoder.flops  # and the teacher's forward pass
    elif not config.data.cache:
        flops += encoder.flops
    return Estimate(parameters, memory, flops)


def matmul_rate(device: torch.device, bf16: bool, rows: int, width: int, inner: int) -> float:
    """Measure the FLOP/s of products as large as those of the model's MLP."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    a, b = torch.randn(rows, width, device=device, dtype=dtype), torch.randn(width, inner, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(8):
        started = time.perf_counter()
        c = a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    del c
    return 2.0 * rows * width * inner / best


def print_estimate(config: RunConfig) -> None:
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    e, run = estimate(config, ranks), config.run
    print(f"stage {config.stage}, {run.steps:,} steps of {run.batch:,} images on {ranks} rank(s)\n\nparameters")
    for name, count in e.parameters.items():
        print(f"  {name:20} {count / 1e6:10.1f} M")
    print("\nmemory of a rank, GiB")
    for name, size in e.memory.items():
        print(f"  {name:20} {size:10.2f}")
    print(f"  {'in all':20} {sum(e.memory.values()):10.2f}   without perceptual networks and discriminator")
    print(f"\n{e.flops / 1e9:,.1f} GFLOP an image, {e.flops * run.batch / 1e12:,.2f} TFLOP a step")
    device = torch.device("cuda" if torch.cuda.is_available() and run.device in ("auto", "cuda") else "cpu")
    facts = encoder_facts(config)
    tokens = (facts["image_size"] // facts["patch_size"]) ** 2
    rate = matmul_rate(device, run.bf16, min(8192, run.batch * tokens), facts["hidden_size"], facts["intermediate_size"])
    seconds = e.flops * run.batch / ranks / (rate * SHARE_OF_MATMUL)
    precision = "bfloat16" if run.bf16 else "float32"
    print(f"this machine's matrix products: {rate / 1e12:.2f} TFLOP/s ({device}, {precision}); at half of that")
    speed, hours = run.batch / seconds, seconds * run.steps / 3600
    print(f"  a step takes {seconds:.2f} s, {speed:,.1f} images/s, the run {hours:,.1f} h")
