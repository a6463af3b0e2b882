"""Ranks: one process, or several under torchrun (DDP, or FSDP2 where one GPU cannot hold the model)."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from ..errors import UserError
from ..models.vqrae import VQRAE


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together. A process alone is rank 0 of 1."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def barrier(self) -> None:
        if self.count > 1:
            dist.barrier()

    def same(self, value):
        """Return the first rank's object on every rank."""
        held = [value]
        if self.count > 1:
            dist.broadcast_object_list(held)
        return held[0]

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean over ranks of a tensor that every rank holds."""
        if self.count > 1:
            value = value.clone()
            dist.all_reduce(value)
            value /= self.count
        return value

    def sum(self, value: Tensor) -> Tensor:
        if self.count > 1:
            value = value.to(self.device)
            dist.all_reduce(value)
        return value


def start(device: str) -> Ranks:
    """Join the group that torchrun describes in the environment. Without it the process is the only rank."""
    count, rank, local = (int(os.environ.get(k, d)) for k, d in (("WORLD_SIZE", "1"), ("RANK", "0"), ("LOCAL_RANK", "0")))
    chosen = _device(device, "run.device", local)
    if count > 1:
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    return Ranks(rank, count, chosen)


def alone(device: str, field: str) -> torch.device:
    """Return the device of a training loop that knows one process. field: the configuration's name for `device`. Raises UserError
    under torchrun with several processes, which would write one folder, and for a device that is not there."""
    if (count := os.environ.get("WORLD_SIZE", "1")) != "1":
        raise UserError(f"Expected one process, since this trainer does not share its work, but received WORLD_SIZE={count}")
    return _device(device, field)


def _device(device: str, field: str, local: int = 0) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"Expected a CUDA device for {field} but received {device!r}: PyTorch sees none. Use {field}=cpu")
    chosen = torch.device(f"cuda:{local}" if device == "cuda" else device)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    return chosen


def finish(ranks: Ranks) -> None:
    """Leave the group, once all ranks are done."""
    if ranks.count > 1:
        dist.barrier()  # gloo aborts a rank that leaves while another is still at work
        dist.destroy_process_group()


def parallelise(network: nn.Module, model: VQRAE, ranks: Ranks, how: str) -> nn.Module:
    """Spread `network`, which runs `model`, over ranks.

    DDP: every rank has a replica, and gradients are averaged. FSDP2 (PyTorch's fully_shard): parameters, gradients and optimiser
    state are split over ranks, and blocks are gathered one at a time."""
    if ranks.count == 1:
        return network
    if how == "ddp":
        return DistributedDataParallel(network, device_ids=[ranks.device.index] if ranks.device.type == "cuda" else None)
    # The view that FSDP warns of is the quantizer's ids, which have no gradient and are not written to.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    # Every part that is called by itself is a unit: validation may then call the same parts.
    for part in (*model.encoder.blocks, *model.decoder.layer, model.encoder.final_norm):
        fully_shard(part)
    for part in (model.encoder, model.quantizer, model.decoder):
        fully_shard(part)
    return network
