"""The generator's trainer on a miniature tokenizer."""

from __future__ import annotations

from pathlib import Path

import torch
from runner import run_here

from vqrae_training.models.checkpoint import save_checkpoint
from vqrae_training.models.decoder import DecoderConfig
from vqrae_training.models.encoder import load_encoder
from vqrae_training.models.vqrae import VQRAE, CodebookConfig

SMALL = ["corpus.classes=2", "corpus.photos=8", "corpus.val_photos=4", "corpus.drawings=1", "corpus.views=0",
         "language.hidden_size=32",
         "language.intermediate_size=48", "language.layers=2", "language.heads=2", "language.kv_heads=1", "language.head_dim=16",
         "train.muon=true", "train.bf16=false", "train.compile=false", "train.batch=4", "train.warmup=2", "train.cooldown=0",
         "train.log_every=1", "train.eval_every=3"]  # fmt: skip


def generator(*arguments: str) -> str:
    result = run_here(["generator", *arguments])
    assert result.returncode == 0, result.stderr
    return result.stdout


def train(folder, out, *options: str) -> str:
    paths = ["--tokenizer", str(folder / "tokenizer"), "--ids", str(folder / "ids"), "--out", str(out)]
    flags = [o for o in options if o.startswith("--")]
    return generator("train", *paths, *flags, "--set", *SMALL, *(o for o in options if not o.startswith("--")))


def write_folder(workspace: Path, root: Path) -> Path:
    """A tokenizer of 64 codes and 4 x 4 tokens, the ids of 24 photos, 16 mirror images and a drawing of each combination, and a run of 6 steps."""
    torch.manual_seed(3)
    decoder = DecoderConfig(hidden_size=32, intermediate_size=48, layers=1, heads=2, patch_size=4, head_kernel=1)
    model = VQRAE(load_encoder(workspace / "encoder"), CodebookConfig(size=64, dim=16, layers=(1, 3)), decoder)
    save_checkpoint(model, root / "tokenizer", torch.float32)
    photos = str(workspace / "photos")
    generator("ids", "--tokenizer", str(root / "tokenizer"), "--train", photos, "--val", photos, "--out", str(root / "ids"),
              "--set", *SMALL)  # fmt: skip
    train(root, root / "run", "train.steps=6")
    return root
