"""An ablation's Markdown table and its curves."""

from __future__ import annotations

import json
from pathlib import Path

from .plans import Plan

# figure -> (heading, how it is shown)
COLUMNS = {
    "psnr": ("PSNR (dB)", "{:.2f}"),
    "ssim": ("SSIM", "{:.3f}"),
    "blocking": ("blocking", "{:.2f}"),
    "val_use": ("codes used on val", "{:.1%}"),
    "train_use": ("in training", "{:.1%}"),
    "perplexity": ("perplexity", "{:,.0f}"),
    "teacher_cosine": ("cosine to the frozen encoder", "{:.4f}"),
    "nn1": ("1-NN", "{:.1%}"),
    "linear_probe": ("linear probe", "{:.1%}"),
    "vqa": ("easy-VQA", "{:.1%}"),
}


def markdown(rows: list[dict]) -> str:
    labels = [k for k in rows[0] if k not in COLUMNS and k not in ("steps", "batch")]
    shown = [k for k in COLUMNS if any(row.get(k) is not None for row in rows)]
    head = labels + [COLUMNS[k][0] for k in shown]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        cells = [f"{row[k]:,}" if isinstance(row[k], int) else str(row[k] or "") for k in labels]
        lines.append(cells + [COLUMNS[k][1].format(row[k]) if row.get(k) is not None else "" for k in shown])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw_curves(path: Path, plans: list[Plan], folders: list[Path]) -> None:
    """val PSNR and the codes used on val over the steps of every run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    panels = figure.subplots(1, 2)
    for plan, folder in zip(plans, folders, strict=True):
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        lines = [line for line in lines if "val_psnr" in line]
        steps = [line["step"] for line in lines]
        for axes, key in zip(panels, ("val_psnr", "val_codes"), strict=True):
            axes.plot(steps, [line[key] for line in lines], marker="o", markersize=3, linewidth=1.2, label=plan.name)
    for axes, title in zip(panels, ("val PSNR (dB)", "codes used on val"), strict=True):
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=6)
    figure.savefig(path, dpi=130)
