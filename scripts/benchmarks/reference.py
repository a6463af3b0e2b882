"""Scores the answers of make-cases.ts with the harnesses' own functions, read from checkouts of their repositories.

    python reference.py cases.json reference.json --lmms-eval F --vlmevalkit F --pope F --mmmu F --llava F

Needs numpy, pandas, PyYAML, requests and loguru. The harnesses' packages import far more than their scorers need, so files are
loaded one by one, and of some only the functions named here. See make-cases.ts.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from harnesses.lmms_eval import LmmsEval
from harnesses.official import Official
from harnesses.vlmevalkit import VlmEvalKit


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", type=Path)
    parser.add_argument("output", type=Path)
    for name in ["lmms-eval", "vlmevalkit", "pope", "mmmu", "llava"]:
        parser.add_argument(f"--{name}", type=Path, required=True)
    folders = parser.parse_args()
    scorers = {
        "lmms-eval": LmmsEval(folders.lmms_eval),
        "vlmevalkit": VlmEvalKit(folders.vlmevalkit),
        "official": Official(folders),
    }
    results = {}
    for task in json.loads(folders.cases.read_text()):
        name, cases = task["benchmark"], task["cases"]
        for profile, ours in task["profiles"].items():
            scorer = getattr(scorers[profile], name, None)
            if scorer is None:
                continue
            draws = name == "mmmu" and profile != "vlmevalkit"
            rows, metrics = scorer(cases, ours) if draws else scorer(cases)
            prompts = scorers[profile].prompts(name, cases)
            results[f"{name} {profile}"] = rows | {"metrics": metrics, "prompts": prompts}
    versions = {"python": sys.version.split()[0], "numpy": np.__version__, "pandas": pd.__version__}
    folders.output.write_text(json.dumps({"results": results, "versions": versions}))
    print(f"{len(results)} benchmarks and profiles: {folders.output}")


main()
