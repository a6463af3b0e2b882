"""What each ablation trains: a name, a group for the table, and what differs from the `ablation` preset."""

from __future__ import annotations

from dataclasses import dataclass

QUANTIZERS = {
    "SimVQ, data": ("simvq", "data"),
    "SimVQ, default": ("simvq", "default"),
    "VQ, data": ("vq", "data"),
    "VQ, default": ("vq", "default"),
}
DIMS = (8, 48, 96, 192, 384)
SIZES = (512, 2048, 4096, 8192)
BASE_DIM, BASE_SIZE = 192, 4096  # the miniature's: the encoder's width, and as many codes as its data fill


@dataclass(frozen=True)
class Plan:
    name: str  # of the run's folder
    labels: dict[str, str | int]  # the table's first columns
    overrides: tuple[str, ...]
    seed: int = 0
    stages: tuple[int, ...] = (1,)  # stages trained one after the other, sharing the steps


def _codebook(label: str, dim: int, size: int, seed: int) -> Plan:
    quantizer, init = QUANTIZERS[label]
    overrides = (f"codebook.quantizer={quantizer}", f"codebook.init={init}", f"codebook.dim={dim}", f"codebook.size={size}")
    name = f"{quantizer}-{init}-d{dim}-k{size}-s{seed}"
    return Plan(name, {"quantizer, start": label, "dim": dim, "size": size, "seed": seed}, overrides, seed)


def table5(seeds: int) -> list[Plan]:
    """Vary the codebook's dimension and size (the paper's Table 5), for SimVQ and plain VQ, with and without data initialisation.
    Every setting runs at seed 0. The base setting runs at all seeds and so shows which differences mean nothing."""
    plans = [_codebook(label, dim, BASE_SIZE, 0) for label in QUANTIZERS for dim in DIMS]
    plans += [_codebook(label, BASE_DIM, size, 0) for label in ("SimVQ, data", "VQ, data") for size in SIZES if size != BASE_SIZE]
    return plans + [_codebook(label, BASE_DIM, BASE_SIZE, seed) for label in QUANTIZERS for seed in range(1, seeds)]


def table6(seeds: int) -> list[Plan]:
    """Compare two stages with one, with and without self-distillation (the paper's Table 6), on equally many images."""
    kinds = {
        "one stage, no distillation": ((2,), ("loss.distill_weight=0",)),
        "one stage, distillation": ((2,), ("loss.distill_weight=1",)),
        "two stages, distillation": ((1, 2), ("loss.distill_weight=1",)),
    }
    return [
        Plan(f"{label.replace(',', '').replace(' ', '-')}-s{seed}", {"training": label, "seed": seed}, overrides, seed, stages)
        for seed in range(seeds)
        for label, (stages, overrides) in kinds.items()
    ]


def choices(seeds: int) -> list[Plan]:
    """Vary our own choices: which blocks the codebook sees, and whether the pixel head sees its neighbours."""
    kinds = {
        "block 12 (the paper's)": ("codebook.layers=[12]",),
        "blocks 2 + 12": (),
        "blocks 2 + 12, 3 x 3 pixel head": ("decoder.head_kernel=3",),
        "q = 4 (56 px)": ("decoder.patch_size=4",),
        "q = 16 (224 px)": ("decoder.patch_size=16",),
    }
    return [
        Plan(f"choice-{i}-s{seed}", {"what differs": label, "seed": seed}, overrides, seed)
        for seed in range(seeds)
        for i, (label, overrides) in enumerate(kinds.items())
    ]


PLANS = {"table5": table5, "table6": table6, "choices": choices}
