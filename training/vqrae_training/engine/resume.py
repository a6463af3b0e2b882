"""`last.pt`: what a killed run needs to go on as if nothing had happened. All four training loops use it.

    state = read_state(out / "last.pt", config, allow_changes)  # None: a new run
    if state is not None:
        restore(state, model, optimisers, parts)
        step = state["step"]
    ...
    save_state(out / "last.pt", config, model, optimisers, {"step": step}, parts)

The file holds the progress, the weights, the optimisers' moments, the random numbers, the configuration, and the state of every
further part that learns (an average, a discriminator). It does not hold the order of the data: every loop draws its n-th batch
from the seed and n alone.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_state_dict,
)
from torch.optim import Optimizer

from ..config import differences, from_dict, to_dict
from ..errors import UserError

NEEDED = ("model", "optimiser", "rng", "config", "step")
# Earlier files hold NumPy's random numbers as an array; these are what its pickle names.
ARRAY = [np.empty(0).__reduce__()[0], np.ndarray, np.dtype, type(np.dtype(np.uint32))]


class Stateful(Protocol):
    def state_dict(self) -> dict: ...

    def load_state_dict(self, state: dict) -> object: ...


def read_last(path: Path) -> dict:
    """Read what `save_state` wrote, onto the CPU. Nothing in the file is executed. Raises UserError for any other file."""
    try:
        with torch.serialization.safe_globals(ARRAY):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever its unpickler stumbles on
        raise UserError(f"Expected the last.pt of a run but received {path}: {error}") from None
    if not isinstance(state, dict) or not {"model", "config"} <= state.keys():
        raise UserError(
            f"Expected the last.pt of a run but received {path}, which has no model and config: no run wrote it, or an earlier "
            "version did"
        )
    return state


def read_state(path: Path, config: object, allow_changes: bool) -> dict | None:
    """Read what a stopped run left, or return None where there is no file.

    Raises UserError for a file of an earlier version, and for one of another configuration, with a line for each field that
    differs. allow_changes: go on with the new configuration all the same.
    """
    if not path.exists():
        return None
    state = read_last(path)
    if missing := [name for name in NEEDED if name not in state]:
        raise UserError(
            f"Expected {', '.join(NEEDED)} in {path} but received a file without {', '.join(missing)}: an earlier version wrote "
            "it. Finish the run with that version, or name another --out"
        )
    try:
        changed = differences(from_dict(state["config"], type(config)), config)
    except UserError as error:
        raise UserError(
            f"Expected a configuration of this version in {path} but received another's: {error}\n"
            "Finish the run with the version that wrote it, or name another --out."
        ) from None
    if changed and not allow_changes:
        lines = "\n  ".join(changed)
        raise UserError(
            f"Expected the configuration that {path} was trained with but received another:\n  {lines}\n"
            "Name another --out, or pass --allow-changes to go on with the new one."
        )
    return state


def restore(state: dict, model: nn.Module, optimisers: Sequence[Optimizer], parts: Mapping[str, Stateful] | None = None) -> None:
    """Put weights, moments, parts and random numbers back. Rates, decays and betas stay those of this run's configuration.

    parts: those that were saved, by name. Raises UserError where the file does not fit the model, the optimisers or the parts,
    which can be so after a change.
    """
    groups = lambda: [group for optimiser in optimisers for group in optimiser.param_groups]
    own = [{name: value for name, value in group.items() if name != "params"} for group in groups()]
    whole = StateDictOptions(full_state_dict=True)
    try:
        set_state_dict(model, optimisers, model_state_dict=state["model"], optim_state_dict=state["optimiser"], options=whole)
        for name, part in (parts or {}).items():
            part.load_state_dict(state[name])
    except (KeyError, ValueError, RuntimeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise UserError(f"Expected weights and moments of this configuration in last.pt but received {reason}") from None
    for group, settings in zip(groups(), own, strict=True):
        group.update(settings)
    _set_random_state(state["rng"])


def save_state(
    path: Path,
    config: object,
    model: nn.Module,
    optimisers: Sequence[Optimizer],
    progress: Mapping[str, int],
    parts: Mapping[str, Stateful] | None = None,
) -> None:
    """Write `path` whole or not at all. Every rank has to call it. The first one writes whole tensors by name, so that any number
    of ranks can go on. progress: "step" and what else the loop counts. Raises UserError where the disk is full."""
    whole = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights, moments = get_state_dict(model, optimisers, options=whole)
    held = {name: part.state_dict() for name, part in (parts or {}).items()}
    if dist.is_initialized() and dist.get_rank():
        return
    state = {"model": weights, "optimiser": moments, "rng": _random_state(), "config": to_dict(config)}
    write_whole(path, state | dict(progress) | held)


def write_whole(path: Path, state: object) -> None:
    """Write to a file beside `path`, then rename it: a run that is killed while it writes keeps its previous file."""
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
    """Return the model's state dict in whole tensors on the CPU. Under FSDP every rank has to call it."""
    return get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def _random_state() -> dict:
    """Return the random numbers' state of PyTorch, CUDA, NumPy and Python, as numbers and tensors, which `read_last` accepts."""
    kind, keys, *rest = np.random.get_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"torch": torch.get_rng_state(), "cuda": cuda, "numpy": (kind, keys.tolist(), *rest), "python": random.getstate()}


def _set_random_state(state: dict) -> None:
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.asarray(keys, dtype=np.uint32), *rest))
    random.setstate(state["python"])
