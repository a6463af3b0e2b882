"""Two ranks on this machine (gloo), for tests of what is spread over them."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def run_ranks(work: Callable[[int, str], None], folder: Path, count: int = 2) -> None:
    """Calls work(rank, folder) in `count` processes of one group."""
    mp.spawn(_rank, (work, str(folder), count), nprocs=count)


def _rank(rank: int, work: Callable[[int, str], None], folder: str, count: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=count)
    try:
        work(rank, folder)
        dist.barrier()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    # FSDP keeps gloo's threads alive; one that wants the interpreter while it ends would abort a finished rank.
    os._exit(0)
