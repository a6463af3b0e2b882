"""The paper's findings at small scale: short runs that differ in one thing, their table and their curves.

    python -m vqrae_training ablate table5 --encoder runs/foundation/encoder --data train.tar --val val.tar --out runs/ablations
    python -m vqrae_training ablate table6 ... --probe-train train.tar --vqa easy-vqa.tar
    python -m vqrae_training ablate choices ...

The command skips runs under --out that have finished, so a stopped command goes on. It writes the figures to OUT/<table>.json
and the curves to OUT/<table>.png, and prints the table in Markdown. To compare continuous with discrete features, use `evaluate`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from ..config import RunConfig, load_config
from ..data.easy_vqa import read_easy_vqa
from ..data.sources import read_source
from ..evaluate.model import evaluate_encoder
from ..models.checkpoint import load_checkpoint
from ..models.encoder import load_encoder
from ..train import train
from .plans import PLANS, Plan
from .tables import draw, markdown


def run_plan(plan: Plan, args: argparse.Namespace) -> list[Path]:
    """Train the plan's stages, except those that are there already. Returns the stages' folders."""
    before, folders = "", []
    for stage in plan.stages:
        out = Path(args.out) / plan.name / f"stage{stage}"
        if not (out / "checkpoint" / "model.safetensors").exists():
            print(f"\n=== {plan.name}, stage {stage} ===", flush=True)
            train(_config(plan, stage, before, args), out)
        before = str(out / "last.pt")
        folders.append(out)
    return folders


def _config(plan: Plan, stage: int, before: str, args: argparse.Namespace) -> RunConfig:
    named = {"encoder.folder": args.encoder, "data.val": args.val, "init": before or ("none" if stage == 2 else "")}
    overrides = [f"{name}={json.dumps(value)}" for name, value in named.items()]
    overrides += [f"data.train={json.dumps(args.data)}", f"run.seed={plan.seed}", *plan.overrides, *args.set]
    config = load_config("ablation", stage, overrides)
    layers = "-".join(map(str, config.codebook.layers)) or "last"
    # Runs that see the same blocks of the same views share a cache.
    cache = Path(args.out) / "cache" / f"blocks{layers}-q{config.decoder.patch_size}-s{plan.seed}"
    steps = config.run.steps // len(plan.stages)
    return replace(config, data=replace(config.data, cache_folder=str(cache)), run=replace(config.run, steps=steps))


def figures(plan: Plan, folder: Path) -> dict:
    """Return the last validation of a run, and how many codes its training used at the end."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    last = [line for line in lines if "val_psnr" in line][-1]
    config = json.loads((folder / "config.json").read_text())
    size, used = config["codebook"]["size"], [line["train_codes"] for line in lines if "train_codes" in line][-1]
    return {
        **plan.labels,
        "psnr": last["val_psnr"],
        "ssim": last["val_ssim"],
        "blocking": last["val_blocking"],
        "val_use": last["val_codes"] / size,
        "perplexity": last["val_perplexity"],
        "train_use": used / size,
        "teacher_cosine": last.get("teacher_cosine"),
        "steps": config["run"]["steps"] * len(plan.stages),
        "batch": config["run"]["batch"],
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("table", choices=sorted(PLANS))
    add("--encoder", required=True)
    add("--data", nargs="+", required=True)
    add("--val", required=True)
    add("--out", required=True)
    add("--seeds", type=int, default=1)
    add("--probe-train", help="images by class: also measure what each encoder still knows (table6)")
    add("--vqa", help="easy-vqa.tar, for the same")
    add("--set", nargs="+", action="extend", default=[], metavar="section.key=value", help="for every run")
    args = parser.parse_args(argv)
    rows = []
    probe_data = None
    if args.probe_train:
        probe_data = read_source(args.probe_train), read_source(args.val), read_easy_vqa(args.vqa) if args.vqa else None
    plans = PLANS[args.table](args.seeds)
    folders = [run_plan(plan, args) for plan in plans]
    for plan, stages in zip(plans, folders, strict=True):
        folder = stages[-1]
        row = figures(plan, folder)
        if probe_data:
            row |= _knowledge(folder / "probes.json", lambda f=folder: load_checkpoint(f / "checkpoint").encoder, probe_data)
        rows.append(row)
    if probe_data:
        frozen = _knowledge(Path(args.out) / "frozen-probes.json", lambda: load_encoder(args.encoder), probe_data)
        rows.append({**dict.fromkeys(rows[0]), "training": "the frozen encoder", **frozen})
    out = Path(args.out)
    (out / f"{args.table}.json").write_text(json.dumps(rows, indent=1) + "\n")
    draw(out / f"{args.table}.png", plans, folders, rows)
    print("\n" + markdown(rows))


def _knowledge(file: Path, encoder, data: tuple) -> dict:
    """Return 1-NN, linear probe and easy-VQA accuracy. A file beside the run keeps them: probing takes as long as training."""
    if not file.exists():
        found = evaluate_encoder(encoder(), *data)
        pooled = found.get("class_token", found["mean_patch"])
        kept = {"nn1": pooled["nn1"], "linear_probe": pooled["linear_probe"]}
        if "vqa" in found:
            kept["vqa"] = found["vqa"]["accuracy"]
        file.write_text(json.dumps(kept) + "\n")
    return json.loads(file.read_text())
