"""Read named tensors from files: the safetensors of a checkpoint folder, or anybody's weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from ..errors import UserError


def read_tensors(folder: Path, prefixes: tuple[str, ...], probe: str | None = None) -> dict[str, Tensor]:
    """Read the tensors whose names start with a prefix, without the prefix. It is the first one under which there is `probe`."""
    index = folder / "model.safetensors.index.json"
    names = sorted(set(json.loads(index.read_text())["weight_map"].values())) if index.is_file() else ["model.safetensors"]
    files = [folder / name for name in names]
    absent = [f for f in files if not f.is_file()]
    if absent:
        raise UserError(f"Expected weights for {folder} but received no {absent[0].name}")
    opened = [safe_open(file, framework="pt") for file in files]
    stored = {name: file for file in opened for name in file.keys()}
    prefix = next((p for p in prefixes if probe is None or p + probe in stored), None)
    if prefix is None:
        raise UserError(f"Expected tensor {probe} for {folder} but received {', '.join(sorted(stored)[:3])}, ...")
    return {n.removeprefix(prefix): f.get_tensor(n).float() for n, f in stored.items() if n.startswith(prefix)}


def read_weights(file: Path) -> dict[str, Tensor]:
    """Read a .safetensors or a torch pickle, also in the wrappings that trainers use. Nothing in a pickle is executed."""
    if not file.is_file():
        raise UserError(f"Expected a .safetensors or a .pt for the weights but received {file}, which is not there")
    try:
        pickled = file.suffix != ".safetensors"
        stored = torch.load(file, map_location="cpu", weights_only=True) if pickled else load_file(file)
    except Exception as error:  # each reader has errors of its own
        raise UserError(f"Expected tensors for {file} but received: {error}") from None
    for key in ("state_dict", "model", "module"):
        if isinstance(stored, dict) and isinstance(stored.get(key), dict):
            stored = stored[key]
    tensors = {name: t for name, t in stored.items() if isinstance(t, Tensor)} if isinstance(stored, dict) else {}
    if not tensors:
        raise UserError(f"Expected named tensors for {file} but received none")
    while all(name.startswith("module.") for name in tensors):  # DataParallel
        tensors = {name.removeprefix("module."): t for name, t in tensors.items()}
    return tensors
