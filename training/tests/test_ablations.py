"""The ablation commands: what they plan, and table 6 run on drawn photos from training to picture."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from runner import SMALL, run_here

from vqrae_training.ablations.plans import PLANS, table5
from vqrae_training.ablations.tables import markdown
from vqrae_training.config import load_config


def test_every_plan_is_a_valid_configuration():
    for plans in PLANS.values():
        names = [plan.name for plan in plans(2)]
        assert len(set(names)) == len(names)
        for plan in plans(2):
            for stage in plan.stages:
                load_config("ablation", stage, [*plan.overrides])


def test_table_5_asks_what_the_paper_asks():
    plans = table5(2)
    values = {key: {plan.labels[key] for plan in plans} for key in ("quantizer, start", "dim", "size", "seed")}
    assert values["quantizer, start"] == {"SimVQ, data", "SimVQ, default", "VQ, data", "VQ, default"}
    assert (min(values["dim"]), max(values["dim"])) == (8, 384)
    assert (min(values["size"]), max(values["size"])) == (512, 8192)
    again = [plan.labels["quantizer, start"] for plan in plans if plan.seed == 1]
    assert sorted(again) == sorted(values["quantizer, start"])  # the base setting, once more for each


def test_markdown():
    rows = [{"training": "one", "seed": 0, "psnr": 21.004, "val_use": 0.5, "teacher_cosine": None, "steps": 3, "batch": 2}]
    rows.append({**dict.fromkeys(rows[0]), "training": "frozen"})
    assert markdown(rows).splitlines() == [
        "| training | seed | PSNR (dB) | codes used on val |",
        "| --- | --- | --- | --- |",
        "| one | 0 | 21.00 | 50.0% |",
        "| frozen |  |  |  |",
    ]


def test_table_6_runs_and_goes_on_where_it_stopped(workspace, tmp_path):
    pytest.importorskip("matplotlib")
    photos = str(workspace / "photos")
    command = ["ablate", "table6", "--encoder", str(workspace / "encoder"), "--data", f"{photos}*8", "--val", photos,
               "--out", str(tmp_path), "--probe-train", photos,
               "--set", *SMALL, "run.steps=8", "run.eval_every=4", "run.log_every=2"]  # fmt: skip
    first = run_here(command)
    assert first.returncode == 0, first.stderr
    rows = json.loads((tmp_path / "table6.json").read_text())
    assert [row["training"] for row in rows] == [
        "one stage, no distillation", "one stage, distillation", "two stages, distillation", "the frozen encoder",
    ]  # fmt: skip
    assert all(0 < row["psnr"] < 40 and 0 < row["val_use"] <= 1 for row in rows[:3])
    assert all(0 <= row["nn1"] <= 1 for row in rows)
    # Stages share the steps.
    stages = sorted((tmp_path / "two-stages-distillation-s0").iterdir())
    assert [json.loads((s / "config.json").read_text())["run"]["steps"] for s in stages] == [4, 4]
    assert Image.open(tmp_path / "table6.png").width > 1000
    assert "| two stages, distillation | 0 |" in first.stdout

    second = run_here(command)
    assert second.returncode == 0 and "===" not in second.stdout  # nothing is trained twice
    assert json.loads((tmp_path / "table6.json").read_text()) == rows
