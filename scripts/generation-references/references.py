"""Runs the references' own scoring functions on the cases of cases.ts, and counts on how many they agree with this package:

    node scripts/generation-references/cases.ts > cases.json
    python scripts/generation-references/references.py cases.json <a clone of djghosh13/geneval> <a clone of TencentQQGYLab/ELLA>

Their functions are taken out of their files by name, so that their detectors and models need not be installed; none of their
code is part of this project. Needs numpy, Pillow and pandas.
"""

from __future__ import annotations

import ast
import io
import json
import os.path as osp
import subprocess
import sys
import tempfile
import types
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

TOLERANCE = 1e-9


def functions_of(path: Path, names: set[str], scope: dict) -> types.SimpleNamespace:
    """The functions and constants of `names` in a Python file, run in `scope`."""
    tree = ast.parse(path.read_text())
    named = lambda node: (
        isinstance(node, ast.FunctionDef)
        and node.name in names
        or isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id in names for t in node.targets)
    )
    body = [node for node in tree.body if named(node)]
    exec(compile(ast.Module(body, []), str(path), "exec"), scope)
    return types.SimpleNamespace(**scope)


def check_geneval(folder: Path, data: dict) -> None:
    scope = {"np": np, "json": json, "Image": Image, "ImageOps": ImageOps, "POSITION_THRESHOLD": 0.1}
    scope |= {"THRESHOLD": 0.3, "COUNTING_THRESHOLD": 0.9, "MAX_OBJECTS": 16, "object_detector": None}
    names = {"COLORS", "compute_iou", "relative_position", "evaluate", "evaluate_image"}
    reference = functions_of(folder / "evaluation" / "evaluate_images.py", names, scope)
    agreed = {"iou": 0, "relations": 0, "verdict": 0}
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    for case in data["geneval"]:
        classes = sorted({d["class"] for d in case["detections"]})
        rows = {c: [d for d in case["detections"] if d["class"] == c] for c in classes}
        boxes = [np.array([[*d["box"], d["score"]] for d in rows[c]], np.float32) for c in classes]
        color = {tuple(np.float32(d["box"])) + (np.float32(d["score"]),): d["color"] for d in case["detections"]}
        scope["classnames"], scope["NMS_THRESHOLD"] = classes, case["maxOverlap"]
        scope["inference_detector"] = lambda model, path, boxes=boxes: boxes
        scope["color_classification"] = lambda image, found, name, color=color: [color[tuple(box)] for box, _ in found]
        picture.seek(0)
        result = reference.evaluate_image(picture, case["metadata"])
        same_words = sorted(result["reason"].replace("\n", " ").split()) == sorted(case["reason"].replace("\n", " ").split())
        agreed["verdict"] += result["correct"] == case["correct"] and same_words
        pair = case["pair"]
        agreed["iou"] += abs(reference.compute_iou(pair["a"], pair["b"]) - pair["iou"]) < TOLERANCE
        found = reference.relative_position((np.float32(pair["a"]), None), (np.float32(pair["b"]), None))
        agreed["relations"] += sorted(found) == pair["relations"]
    print("GenEval:", ", ".join(f"{name} {n} of {len(data['geneval'])}" for name, n in agreed.items()))


def check_geneval_summary(folder: Path, data: dict) -> None:
    """What summary_scores.py itself prints of the same results."""
    own = data["genevalSummary"]
    with tempfile.TemporaryDirectory() as work:
        results = Path(work) / "results.jsonl"
        results.write_text("".join(json.dumps(result) + "\n" for result in data["results"]))
        command = [sys.executable, "summary_scores.py", str(results)]
        printed = subprocess.run(command, cwd=folder / "evaluation", capture_output=True, text=True, check=True).stdout
    wanted = [
        f"Total images: {own['images']}",
        f"Total prompts: {own['prompts']}",
        f"% correct images: {own['correctImages']:.2%}",
        f"% correct prompts: {own['correctPrompts']:.2%}",
        f"Overall score (avg. over tasks): {own['overall']:.5f}",
    ]
    wanted += [f"{t['tag']:<16} = {t['correct'] / t['images']:.2%} ({t['correct']} / {t['images']})" for t in own["tags"]]
    print(f"GenEval summary: {sum(line in printed for line in wanted)} of {len(wanted)} lines")


def check_dpg(folder: Path, data: dict) -> None:
    scope = {"Image": Image, "osp": osp, "np": np}
    names = {"crop_image", "compute_dpg_one_sample"}
    reference = functions_of(folder / "dpg_bench" / "compute_dpg_bench.py", names, scope)
    agreed, scores, categories = 0, [], defaultdict(list)
    with tempfile.TemporaryDirectory() as work:
        for case in data["dpg"]:
            item, crops = case["item"], case["crops"]
            path = osp.join(work, item["id"] + ".png")
            Image.new("RGB", (16, 16)).save(path)
            questions = item["questions"]
            tuples = {q["id"]: f"{q['category']} (x)" for q in questions}
            graph = {
                "qid2tuple": tuples,
                "qid2question": {q["id"]: q["text"] for q in questions},
                "qid2dependency": {q["id"]: q["parents"] or [0] for q in questions},
            }
            answers = iter([("yes" if yes else "no") for crop in crops for yes in crop])
            judge = types.SimpleNamespace(vqa=lambda image, question, answers=answers: next(answers))
            args = types.SimpleNamespace(pic_num=len(crops), res_path=osp.join(work, "r.txt"))
            score, _, last = reference.compute_dpg_one_sample(args, {item["id"]: graph}, path, judge, 8)
            scores.append(score)
            own = [c["score"] for c in case["result"]["categories"]]
            agreed += abs(score - case["result"]["score"]) < TOLERANCE and own == [last[q["id"]] for q in questions]
            for qid, value in last.items():
                categories[tuples[qid].split("(")[0].strip()].append(value)
    print(f"DPG-Bench: {agreed} of {len(data['dpg'])} items")
    own = data["dpgSummary"]
    level1 = defaultdict(list)
    for category, values in categories.items():
        level1[category.split("-")[0].strip()].extend(values)
    figures = [(np.mean(scores) * 100, own["score"])]
    figures += [(np.mean(v) * 100, own["level2"][k]) for k, v in categories.items()]
    figures += [(np.mean(v) * 100, own["level1"][k]) for k, v in level1.items()]
    print(f"DPG-Bench summary: {sum(abs(a - b) < 1e-6 for a, b in figures)} of {len(figures)} figures")


def main(cases: str, geneval: str, ella: str) -> None:
    data = json.loads(Path(cases).read_text())
    check_geneval(Path(geneval), data)
    check_dpg(Path(ella), data)
    check_geneval_summary(Path(geneval), data)


if __name__ == "__main__":
    main(*sys.argv[1:])
