"""The record of a run: metrics.jsonl, TensorBoard, lines for a person to read, and pictures of fixed images.

metrics.jsonl has one JSON object a line: `{"step": n, "seconds": t, name: value, ...}`. The seconds are wall time since the run
began. TensorBoard gets the same values.
"""

from __future__ import annotations

import errno
import json
import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..errors import UserError


class Monitor:
    """Use as `with Monitor(out, total_steps, start_step) as monitor:`. Every method does nothing where `enabled` is False.

    out: the run's folder. start_step: the checkpoint that the run continues from; 0 begins the record anew. A killed run has
    logged further than its last checkpoint: the monitor drops those lines, and "seconds" goes on from the last line kept.
    Raises DiskFull where the disk is full.
    """

    def __init__(self, out: Path, total_steps: int, start_step: int = 0, tensorboard: bool = True, enabled: bool = True):
        self.out, self.total_steps, self.enabled = Path(out), total_steps, enabled
        self.log = self.board = None
        if not enabled:
            return
        path = self.out / "metrics.jsonl"
        with full_disk_said(path):
            self.out.mkdir(parents=True, exist_ok=True)
            seconds = rewind(path, start_step)
            self.log = path.open("a" if start_step else "w", encoding="utf-8")
            self.board = open_tensorboard(self.out / "tensorboard", start_step) if tensorboard else None
        self.began = time.monotonic() - seconds
        self.pace = Pace(start_step, time.monotonic())

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if not self.enabled:
            return
        # An error that ended the run comes first: a full disk while the record closes does not hide it.
        with suppress(OSError) if kind else full_disk_said(self.out):
            self.log.close()
        if self.board and kind is not DiskFull:  # TensorBoard's thread would print its traceback over that line
            with full_disk_said(self.out):
                self.board.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Log values of one step. Names of validation start with `val_`. Numbers that are not finite become null."""
        if not self.enabled:
            return
        now = time.monotonic()
        rate = self.pace.update(step, now)
        line = {"step": step, "seconds": now - self.began, **values}
        with full_disk_said(self.out / "metrics.jsonl"):
            self.log.write(json.dumps({name: rounded(value) for name, value in line.items()}) + "\n")
            self.log.flush()  # at once: whoever follows the file sees the line, and a kill loses none
            if self.board:
                group = "val" if any(name.startswith("val_") for name in values) else "train"
                for name, value in values.items():
                    self.board.add_scalar(f"{group}/{name.removeprefix('val_')}", value, step)
        left = duration((self.total_steps - step) * rate) if rate is not None else "?"
        print(progress_line(step, self.total_steps, values, left), flush=True)

    def images(self, step: int, name: str, grid: Tensor) -> None:
        """Write NAME_000300.png and show it in TensorBoard. grid uint8 [3, H, W]."""
        if not self.enabled:
            return
        path = self.out / f"{name}_{step:06d}.png"
        partial = path.with_suffix(".tmp")  # a reader never meets half a picture
        with full_disk_said(path):
            Image.fromarray(grid.permute(1, 2, 0).cpu().numpy()).save(partial, format="PNG")
            partial.replace(path)
            if self.board:
                self.board.add_image(name, grid, step)


class Pace:
    """Seconds a step, smoothed over about ten intervals. Validations count: they take wall time too."""

    DECAY = 0.9

    def __init__(self, step: int, now: float):
        self.step, self.now = step, now
        self.total = self.weight = 0.0

    def update(self, step: int, now: float) -> float | None:
        """Return the seconds a step as of now, or None until a step is done."""
        if step > self.step:  # a second line of the same step adds its time to the next interval
            self.total = self.DECAY * self.total + (1 - self.DECAY) * (now - self.now) / (step - self.step)
            self.weight = self.DECAY * self.weight + 1 - self.DECAY  # as Adam corrects its means at the start
            self.step, self.now = step, now
        return self.total / self.weight if self.weight else None


def rewind(path: Path, step: int) -> float:
    """Drop the lines after `step` and a last line that a kill cut short. Returns "seconds" of the last one kept, or 0."""
    if step == 0 or not path.exists():
        return 0.0
    kept, seconds = [], 0.0
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if record["step"] <= step:
            kept.append(line + "\n")
            seconds = record.get("seconds", seconds)
    partial = path.with_suffix(".tmp")
    partial.write_text("".join(kept), encoding="utf-8")
    partial.replace(path)
    return seconds


def open_tensorboard(folder: Path, start_step: int):
    """Return a SummaryWriter. Without the `tensorboard` package, print a line and return None."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print("No TensorBoard: metrics go to metrics.jsonl alone. `pip install tensorboard` adds it", flush=True)
        return None
    # Its thread raises the error again at the next value. This leaves out the traceback that it would print meanwhile.
    threading.excepthook = lambda thread: None if is_full(thread.exc_value) else threading.__excepthook__(thread)
    # purge_step hides what a killed run wrote after its last checkpoint.
    return SummaryWriter(str(folder), purge_step=start_step + 1 if start_step else None)


class DiskFull(UserError):
    """The disk is full. The run has stopped."""


@contextmanager
def full_disk_said(path: Path) -> Iterator[None]:
    """Turn "no space left" into one line that says what to do. Any other error passes."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise DiskFull(
            f"Expected room on the disk for {path} but received {error.strerror!r}; "
            "free some and run the same command again: it goes on from its last checkpoint"
        ) from None


def is_full(error: BaseException | None) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def rounded(value: float) -> float | None:
    """Round to five decimals, or to five digits below 1 (a learning rate). NaN and infinity have no JSON and become null."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return None
    return round(float(value), 5) if abs(value) >= 1 else float(f"{value:.5g}")


def duration(seconds: float) -> str:
    """Write seconds as h:mm:ss, such as 0:03:07 or 26:00:00."""
    minutes, s = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{s:02d}"


def progress_line(step: int, total: int, values: Mapping[str, float], left: str) -> str:
    """`   325/1,300  25 %  loss 0.1221  mse 0.03057  26.0 images/s  ETA 0:21:10`, without terms that are 0."""
    shown = {name: value for name, value in values.items() if name != "images_per_s" and value != 0}
    parts = [f"{step:>{len(f'{total:,}')},}/{total:,}", f"{100 * step // max(total, 1):3d} %"]
    parts += [f"{name} {value:,.0f}" if abs(value) >= 1000 else f"{name} {value:.4g}" for name, value in shown.items()]
    if "images_per_s" in values:
        parts.append(f"{values['images_per_s']:.1f} images/s")
    return "  ".join([*parts, f"ETA {left}"])


def pairs_grid(originals: Tensor, reconstructions: Tensor, columns: int = 8) -> Tensor:
    """Lay out rows of originals, each above the row of their reconstructions: uint8 [n, 3, h, w] twice -> uint8 [3, H, W].

    White fills the last row. Raises ValueError where the shapes differ.
    """
    if originals.shape != reconstructions.shape:
        received = f"{list(originals.shape)} and {list(reconstructions.shape)}"
        raise ValueError(f"Expected originals and reconstructions of one shape for a grid but received {received}")
    n, columns = len(originals), min(columns, len(originals))
    pairs = torch.stack([originals, reconstructions])
    pairs = F.pad(pairs, (0, 0) * 3 + (0, -n % columns), value=255)  # [2, rows * columns, 3, h, w]
    _, _, channels, h, w = pairs.shape
    pairs = pairs.view(2, -1, columns, channels, h, w).permute(3, 1, 0, 4, 2, 5)  # [3, rows, 2, h, columns, w]
    return pairs.reshape(channels, -1, columns * w)
