"""Scores the answers of make-cases.ts with the harnesses' own functions, read from checkouts of their repositories.

    python reference.py FOLDER CHECKOUTS

For each FOLDER/<benchmark>/cases.json it writes reference.json beside it. How a harness scores a benchmark is in
<benchmark>/reference.py here: a function named after the profile, and one for its prompts if the harness has code for them.
CHECKOUTS holds a clone of each repository that they read, under the repository's name, such as lmms-eval.

Needs numpy, pandas, PyYAML, requests and loguru. The harnesses' packages import far more than their scorers need, so files are
loaded one by one, and of some only the functions that are named. See make-cases.ts.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from harnesses.lmms_eval import LmmsEval
from harnesses.loading import load
from harnesses.vlmevalkit import VlmEvalKit


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("checkouts", type=Path)
    arguments = parser.parse_args()
    checkouts = arguments.checkouts
    lmms_eval = LmmsEval(checkouts)
    harnesses = {"lmms_eval": lmms_eval, "lmms_eval_chat": lmms_eval, "vlmevalkit": VlmEvalKit(checkouts), "official": checkouts}
    versions = {"python": sys.version.split()[0], "numpy": np.__version__, "pandas": pd.__version__}
    for file in sorted(arguments.folder.glob("*/cases.json")):
        name = file.parent.name
        task = load(f"{name}_reference", Path(__file__).parent / name / "reference.py")
        made = json.loads(file.read_text())
        results = {}
        for profile, ours in made["profiles"].items():
            function = profile.replace("-", "_")
            score, ask = getattr(task, function, None), getattr(task, f"{function}_prompts", None)
            if score is None:
                continue
            # What was read here, for the harnesses that draw a letter: they are given the same.
            cases = [case | {"parsed": own["parsed"]} for case, own in zip(made["cases"], ours["judged"], strict=True)]
            rows, metrics = score(harnesses[function], cases)
            prompts = ask(harnesses[function], cases) if ask else None
            results[profile] = rows | {"metrics": metrics, "prompts": prompts}
        (file.parent / "reference.json").write_text(json.dumps({"results": results, "versions": versions}))
        print(f"{name}: {', '.join(results)}")


main()
