"""The configuration of a foundation run: the command's options."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import harmless


@dataclass(frozen=True)
class FoundationConfig:
    teacher: str = ""  # the safetensors file of the 3-bit DeiT-tiny
    data: tuple[str, ...] = ()  # tars or folders; PATH*N takes N views of each image
    val: str = ""
    steps: int = 1500
    batch: int = 32  # views
    lr: float = 5e-4
    warmup: int = 50
    seed: int = 0
    bf16: bool = False
    device: str = harmless("cpu")
    threads: int = harmless(2)  # of the CPU
    log_every: int = harmless(25)
    eval_every: int = harmless(250)
