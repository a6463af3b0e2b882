"""`last.pt`: everything that a killed run needs to go on as if nothing had happened."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_state_dict,
)

from ..config import differences, from_dict, to_dict
from ..errors import UserError
from .distributed import Ranks


def save_state(path: Path, ranks: Ranks, config: object, step: int, model: nn.Module, optimiser, extras: dict) -> None:
    """Whole tensors by name, whatever the number of ranks; extras: name -> state dict (EMA, discriminator, teacher)."""
    whole = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights, moments = get_state_dict(model, optimiser, options=whole)
    if not ranks.first:
        return
    state = {"model": weights, "optimiser": moments, "step": step, "config": to_dict(config), "rng": _rng_state()} | extras
    write_state(path, state)


def write_state(path: Path, state: dict) -> None:
    """Whole or not at all: a run that is killed while it writes keeps its previous file."""
    part = path.with_suffix(".tmp")
    try:
        torch.save(state, part)
        part.replace(path)
    except (OSError, RuntimeError) as error:  # torch.save wraps a full disk into a RuntimeError
        part.unlink(missing_ok=True)
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC or "write failed" in str(error).lower()
        reason = "the disk is full" if full or "file write" in str(error) else str(error)
        raise UserError(f"Expected to write {path} but received: {reason}. The previous {path.name} is kept") from None


def whole_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """The model's state dict in whole tensors on the CPU; under FSDP every rank has to call it."""
    return get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def load_state(path: Path, config: object, model: nn.Module, optimiser, allow_changes: bool) -> dict:
    """Puts weights and optimiser back; returns the rest. A run with another configuration is refused, with what differs."""
    state = torch.load(path, map_location="cpu", weights_only=False)
    changed = differences(from_dict(state["config"], type(config)), config)
    if changed and not allow_changes:
        lines = "\n  ".join(changed)
        raise UserError(
            f"Expected the configuration that {path} was trained with but received another:\n  {lines}\n"
            "Name another --out, or pass --allow-changes to go on with the new one."
        )
    whole = StateDictOptions(full_state_dict=True)
    set_state_dict(model, optimiser, model_state_dict=state["model"], optim_state_dict=state["optimiser"], options=whole)
    _set_rng_state(state["rng"])
    return state


def _rng_state() -> dict:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"torch": torch.get_rng_state(), "cuda": cuda, "numpy": np.random.get_state(), "python": random.getstate()}


def _set_rng_state(state: dict) -> None:
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    np.random.set_state(state["numpy"])
    random.setstate(state["python"])
