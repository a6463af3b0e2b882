"""The figures of a report's table."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from ..engine.monitor import duration
from .runs import Run


@dataclass(frozen=True)
class Figure:
    name: str
    metric: str
    format: str
    higher_is_better: bool = True


FIGURES = (
    Figure("PSNR (dB)", "val_psnr", ".2f"),
    Figure("worst image's PSNR (dB)", "val_psnr_worst", ".2f"),
    Figure("SSIM", "val_ssim", ".4f"),
    Figure("blocking (1: no seams)", "val_blocking", ".3f", higher_is_better=False),
    Figure("codes used on val", "val_codes", ",.0f"),
    Figure("perplexity", "val_perplexity", ",.0f"),
    Figure("cosine to the frozen encoder", "teacher_cosine", ".4f"),
)


@dataclass(frozen=True)
class Cell:
    text: str
    note: str = ""
    top: bool = False  # the best of several runs


def summary(runs: list[Run]) -> list[tuple[str, list[Cell]]]:
    """Return a row for each figure and in it a cell for each run: the last value, and the best where it is another. Rows that no
    run has are left out."""
    rows = []
    for figure in FIGURES:
        lasts = [value for run in runs if (value := run.last(figure.metric)) is not None]
        if lasts:
            best = max(lasts) if figure.higher_is_better else min(lasts)
            rows.append((figure.name, [cell(run, figure, best if len(lasts) > 1 else None) for run in runs]))
    rows.append(("steps", [Cell(steps_done(run)) for run in runs]))
    seconds = [run.last("seconds") for run in runs]
    rows.append(("wall time (h:mm:ss)", [Cell("not logged" if s is None else duration(s)) for s in seconds]))
    rates = [run.curve("images_per_s")[1] for run in runs]
    return [*rows, ("images a second, median", [Cell(f"{median(rate):.1f}" if rate else "-") for rate in rates])]


def cell(run: Run, figure: Figure, top: float | None) -> Cell:
    steps, values = run.curve(figure.metric)
    if not values:
        return Cell("-")
    last, best = values[-1], max(values) if figure.higher_is_better else min(values)
    shown, shown_best = f"{last:{figure.format}}", f"{best:{figure.format}}"
    notes = []
    if figure.metric == "val_codes" and run.codebook_size:
        notes.append(f"{100 * last / run.codebook_size:.0f} % of {run.codebook_size:,}")
    if shown_best != shown:
        notes.append(f"best {shown_best} at step {steps[values.index(best)]:,}")
    return Cell(shown, "; ".join(notes), last == top)


def steps_done(run: Run) -> str:
    done, planned = max(record["step"] for record in run.records), run.config.get("run.steps", "")
    return f"{done:,} of {int(planned):,}" if planned.isdigit() and int(planned) != done else f"{done:,}"
