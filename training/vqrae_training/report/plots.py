"""Curves of one or more runs over one metric, for a picture or as SVG in the page's text colour."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from statistics import median

from ..errors import UserError
from .runs import Run

try:
    import matplotlib
except ImportError:
    raise UserError(
        "Expected matplotlib for the report but it is not installed; `pip install 'vqrae-training[report]'` adds it"
    ) from None
matplotlib.use("Agg")
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

# Okabe and Ito's palette (jfly.uni-koeln.de/color) suits any colour vision. The first ones are readable on white and on black;
# its yellow and black are not. A second round of runs is dashed, a third dotted.
COLOURS = ("#0082c8", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
DASHES = ("-", "--", ":")
INK = "#010203"  # stands for the page's text colour in an SVG

VALIDATION = {
    "val_psnr": "PSNR (dB)",
    "val_psnr_worst": "PSNR of the worst image (dB)",
    "val_ssim": "SSIM",
    "val_codes": "Codes used",
    "val_perplexity": "Perplexity of the codes",
    "val_blocking": "Blocking (1: no seams)",
    "teacher_cosine": "Cosine to the frozen encoder",
}
LOSSES = {
    "loss": "Loss, all terms",
    "mse": "MSE, pixels in [-1, 1]",
    "perceptual": "Perceptual distance",
    "quantizer": "Quantizer loss",
    "distill": "Self-distillation",
    "generator": "Generator (adversarial)",
    "discriminator": "Discriminator",
}
ENGINE = {"train_codes": "Codes used since the last line", "lr": "Learning rate", "images_per_s": "Images a second"}


@dataclass(frozen=True)
class Panel:
    metric: str
    title: str


def panels(runs: list[Run]) -> dict[str, list[Panel]]:
    """Return the sections of the report and their panels, without metrics that no run has and losses that are always 0."""
    present = dict.fromkeys(name for run in runs for name in run.metrics())
    used = {name for name in present if any(any(run.curve(name)[1]) for run in runs)}
    known = {"Validation": VALIDATION, "Losses": LOSSES, "Engine": ENGINE}
    sections = {heading: [Panel(n, t) for n, t in names.items() if n in used] for heading, names in known.items()}
    named = VALIDATION | LOSSES | ENGINE
    sections["Other metrics"] = [Panel(n, n) for n in present if n in used and n not in named]
    return {heading: found for heading, found in sections.items() if found}


def style(i: int) -> dict:
    """Return colour and dash of the i-th run."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": DASHES[i // len(COLOURS) % len(DASHES)]}


def draw(axes: Axes, runs: list[Run], panel: Panel) -> None:
    """Draw the runs' curves. A long and noisy one becomes its running mean, with itself pale behind where runs are few.

    Losses that fall far get a log scale. A run whose loss is always 0 has no such term and is left out.
    """
    loss, drawn = panel.metric in LOSSES, []
    for i, run in enumerate(runs):
        steps, values = run.curve(panel.metric)
        if not steps or (loss and not any(values)):
            continue
        drawn += values
        if len(steps) > 200 and (loss or panel.metric == "images_per_s"):
            if len(runs) <= 3:
                axes.plot(steps, values, color=style(i)["color"], alpha=0.25, linewidth=0.8)
            values = running_mean(values, len(values) // 50)
        markers = {"marker": "o", "markersize": 3.5} if len(steps) <= 12 else {}
        axes.plot(steps, values, label=run.name, linewidth=1.6, **style(i), **markers)
    axes.set_title(panel.title, loc="left", fontsize=10)
    axes.grid(alpha=0.18, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(0, max(record["step"] for run in runs for record in run.records) * 1.02 or 1)  # the same in every panel
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if loss and min(drawn) > 0 and max(drawn) > 4 * median(drawn):
        log_scale(axes)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        if max(map(abs, drawn)) >= 1000:
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        else:
            axes.ticklabel_format(axis="y", useOffset=False, scilimits=(-4, 6))
    axes.tick_params(labelsize=8, length=3)


def log_scale(axes: Axes) -> None:
    """Set a log scale with 1-2-5 ticks in plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_title(f"{axes.get_title(loc='left')}, log scale", loc="left", fontsize=10)


def running_mean(values: list[float], span: int) -> list[float]:
    """Return the exponential running mean with the weight of `span` points, corrected at its start."""
    decay, total, weight, result = 1 - 1 / max(span, 1), 0.0, 0.0, []
    for value in values:
        total, weight = decay * total + (1 - decay) * value, decay * weight + 1 - decay
        result.append(total / weight)
    return result


def svg(runs: list[Run], panel: Panel) -> str:
    """Return one panel as an <svg> element. Text stays text, and ink is currentColor, which follows light and dark."""
    settings = {"svg.fonttype": "none", "svg.hashsalt": panel.metric, "font.family": "sans-serif"}
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color")
    with matplotlib.rc_context(settings | dict.fromkeys(inked, INK)):
        figure = Figure(figsize=(4.2, 2.6), layout="constrained")
        draw(figure.add_subplot(), runs, panel)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' id="[\w.]+_\d+"', "", text)  # names of groups, the same in every figure
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"|height="[\d.]+pt" width="[\d.]+pt"', "", text, count=1)
    label = f'<svg role="img" aria-label="{panel.title} by step" '
    return text.replace(INK, "currentColor").replace("<svg ", label, 1)
