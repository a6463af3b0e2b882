"""Runs the trainer as a user does, on the miniature encoder and photos of conftest.py."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

from vqrae_training.__main__ import main

TRAINING = Path(__file__).parents[1]
SMALL = [
    "codebook.size=64", "codebook.dim=32", "codebook.layers=[1,3]", "decoder.layers=2", "decoder.patch_size=4", "run.batch=8",
    "run.log_every=5", "run.eval_every=10", "run.threads=1", "optimiser.warmup=5", "optimiser.lr=3e-3", "optimiser.encoder_lr=3e-4",
    "loss.perceptual=none", "data.val_every=2", "run.bf16=false",
]  # fmt: skip


def command(workspace: Path, out: Path, stage: int, *options: str, ranks: int = 1, encoder: str = "encoder") -> list[str]:
    photos = str(workspace / "photos")
    start = [sys.executable] if ranks == 1 else [
        sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={ranks}", "--master_port", "0", "--standalone"
    ]  # fmt: skip
    named = [o for o in options if o.startswith("--")]
    values = [o for o in options if not o.startswith("--")]
    flags = [part for option in named for part in option.split(" ", 1)]
    return [*start, "-m", "vqrae_training", "train", "--stage", str(stage), "--encoder", str(workspace / encoder),
            "--data", f"{photos}*30", "--val", photos, "--out", str(out), *flags, "--set", *SMALL, *values]  # fmt: skip


def run(workspace: Path, out: Path, stage: int, *options: str, ranks: int = 1, **kwargs) -> subprocess.CompletedProcess:
    """One rank in this process, which saves the imports; several under torchrun."""
    arguments = command(workspace, out, stage, *options, ranks=ranks, **kwargs)
    if ranks > 1:
        return run_command(arguments)
    return run_here(arguments[arguments.index("vqrae_training") + 1 :])


def run_here(arguments: list[str]) -> subprocess.CompletedProcess:
    """`python -m vqrae_training ...` without a new process: what the interpreter does with SystemExit included."""
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            main(arguments)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
            print(stop.code if isinstance(stop.code, str) else "", file=sys.stderr)
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())


def run_command(arguments: list[str]) -> subprocess.CompletedProcess:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(arguments, capture_output=True, text=True, cwd=TRAINING, env=environment)


def metrics(out: Path, key: str) -> list[float]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line[key] for line in lines if key in line]
