"""Read a run's folder for a report: metrics.jsonl, the resolved configuration, the validation pictures."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError


@dataclass(frozen=True)
class Run:
    """One run. records: the lines of metrics.jsonl, in the order of the file. config: flat, or {} where there is none."""

    name: str
    folder: Path
    records: list[dict]
    config: dict[str, str]
    codebook_size: int | None
    pictures: list[tuple[int, Path]]  # (step, PNG), ascending
    notes: list[str]

    def curve(self, metric: str) -> tuple[list[int], list[float]]:
        """Return steps and values of a metric, without those that are not finite."""
        points = [(r["step"], r[metric]) for r in self.records if is_number(r.get(metric))]
        return [step for step, _ in points], [value for _, value in points]

    def last(self, metric: str) -> float | None:
        return next(reversed(self.curve(metric)[1]), None)

    def best(self, metric: str) -> tuple[float, int] | None:
        """Return the highest value and its first step."""
        steps, values = self.curve(metric)
        return max(zip(values, steps, strict=True), key=lambda point: (point[0], -point[1]), default=None)

    def metrics(self) -> list[str]:
        """Return the names of all numbers in the order of their first appearance."""
        names = dict.fromkeys(name for record in self.records for name, value in record.items() if is_number(value))
        return [name for name in names if name not in ("step", "seconds")]


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_runs(folders: list[str]) -> list[Run]:
    """Read the runs in the order given. Folders of one name get as much of their path as sets them apart."""
    paths = [Path(folder).resolve() for folder in folders]
    for i, path in enumerate(paths):
        if path in paths[:i]:
            raise UserError(f"Expected different runs for the comparison but received {folders[i]!r} twice")
    depth = 1
    while len({path.parts[-depth:] for path in paths}) < len(paths):
        depth += 1
    return [read_run(path, "/".join(path.parts[-depth:])) for path in paths]


def read_run(folder: Path, name: str) -> Run:
    """Read one run. Raises UserError where the folder is none or its record cannot be read."""
    if not folder.is_dir():
        raise UserError(f"Expected a run's folder but received {str(folder)!r}, which is no folder")
    if not (folder / "metrics.jsonl").is_file():
        raise UserError(f"Expected metrics.jsonl in a run's folder but received {str(folder)!r} without one")
    records, notes = read_metrics(folder / "metrics.jsonl")
    config = read_json(folder / "config.json")
    size = (config or read_json(folder / "checkpoint" / "config.json")).get("codebook", {}).get("size")
    steps = ((picture.stem.removeprefix("val_"), picture) for picture in folder.glob("val_*.png"))
    pictures = sorted((int(step), picture) for step, picture in steps if step.isdigit())
    return Run(name, folder, records, flat(config), size, pictures, notes)


def read_metrics(path: Path) -> tuple[list[dict], list[str]]:
    """Return records and remarks. A last line that a kill cut short is a remark. Any other bad line is an error."""
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    records, notes = [], []
    for i, line in enumerate(lines):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            records.append(record)
        elif i == len(lines) - 1 and records:
            notes.append("The last line of metrics.jsonl is cut short and was left out.")
        else:
            raise UserError(f'Expected {{"step": n, ...}} for line {i + 1} of {path} but received {line[:60]!r}')
    if not records:
        raise UserError(f"Expected at least one line in {path} but received an empty file: the run has logged nothing yet")
    return records, notes


def read_json(path: Path) -> dict:
    """Read a JSON file, or return {} where there is none."""
    if not path.exists():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"Expected JSON for {path} but received: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"Expected a JSON object for {path} but received {type(value).__name__}")
    return value


def flat(config: dict, prefix: str = "") -> dict[str, str]:
    """Flatten {"data": {"flip": true}} to {"data.flip": "true"}."""
    result: dict[str, str] = {}
    for key, value in config.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: written(value)}
    return result


def written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
