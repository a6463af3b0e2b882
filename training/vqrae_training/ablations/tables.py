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


def draw(path: Path, plans: list[Plan], folders: list[list[Path]], rows: list[dict]) -> None:
    """Draw val PSNR and the codes used on val over the steps of every run, in a colour for each value of the table's first
    column. A table that varies dimensions and sizes gets a second row with the last figures over those."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    groups = list(dict.fromkeys(_group(plan) for plan in plans))
    colours = {group: f"C{i}" for i, group in enumerate(groups)}
    sweeps = [key for key in ("dim", "size") if len({row.get(key) for row in rows if key in row}) > 1]
    figure = Figure(figsize=(11, 4.4 * (1 + len(sweeps))), layout="constrained")
    panels = figure.subplots(1 + len(sweeps), 2, squeeze=False)
    for plan, stages in zip(plans, folders, strict=True):
        lines = _validations(stages)
        for axes, key in zip(panels[0], ("val_psnr", "val_codes"), strict=True):
            axes.plot([step for step, _ in lines], [line[key] for _, line in lines], color=colours[_group(plan)], marker="o",
                      markersize=3, linewidth=1, alpha=0.8)  # fmt: skip
    for axes, title in zip(panels[0], ("val PSNR (dB)", "codes used on val"), strict=True):
        _dress(axes, title, "step")
    for swept, line in zip(sweeps, panels[1:], strict=True):
        base = {key: _commonest(row[key] for row in rows if key in row) for key in sweeps if key != swept}
        for group in groups:
            own = [r for r in rows if group == _first(r) and all(r[k] == v for k, v in base.items())]
            own.sort(key=lambda row: row[swept])
            for axes, key in zip(line, ("psnr", "val_use"), strict=True):
                values = [row[key] * (100 if key == "val_use" else 1) for row in own]
                if len(own) > 1:
                    axes.plot([row[swept] for row in own], values, color=colours[group], marker="o")
        for axes, title in zip(line, ("val PSNR (dB)", "codes used on val (%)"), strict=True):
            _dress(axes, title, f"codebook {swept} ({', '.join(f'{k} {v:,}' for k, v in base.items())})")
            axes.set_xscale("log", base=2)
            values = sorted({row[swept] for row in rows})
            axes.set_xticks(values, [f"{value:,}" for value in values])
    handles = [panels[0, 0].plot([], [], color=colours[g], marker="o", label=g)[0] for g in groups]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(4, len(groups)), frameon=False)
    figure.savefig(path, dpi=110)


def _validations(stages: list[Path]) -> list[tuple[int, dict]]:
    """Return (step over all stages, line of metrics) of every validation."""
    found, before = [], 0
    for folder in stages:
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        found += [(before + line["step"], line) for line in lines if "val_psnr" in line]
        before = found[-1][0] if found else before
    return found


def _first(labels: dict) -> str:
    return str(next(iter(labels.values())))


def _group(plan: Plan) -> str:
    return _first(plan.labels)


def _commonest(values) -> int:
    values = list(values)
    return max(set(values), key=values.count)


def _dress(axes, title: str, below: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(below)
    axes.grid(alpha=0.3)
