import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from harnesses.loading import judged


def lmms_eval(harness, cases):
    scores = [harness.exact_match(case["prediction"], case["question"]["answers"][0]) for case in cases]
    return judged(scores), {"accuracy": 100 * float(np.mean(scores))}


def lmms_eval_prompts(harness, cases):
    utils, kwargs = harness.parts("gqa/utils.py", "gqa_doc_to_text"), harness.kwargs("gqa/gqa.yaml")
    return [utils.gqa_doc_to_text(doc, kwargs) for doc in harness.documents(cases)]


def vlmevalkit(harness, cases):
    _, scores, metrics = harness.lines(cases, "accuracy", lambda question: question["answers"][0])
    return judged(scores), metrics


def vlmevalkit_prompts(harness, cases):
    return harness.prompts(cases, "VQA", "GQA_TestDev_Balanced")


def official(checkouts, cases):
    """LLaVA's conversion. GQA's eval.py, which counts equal texts, is not in the repository."""
    script = checkouts / "LLaVA" / "scripts" / "convert_gqa_for_eval.py"
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "answers.jsonl", Path(folder) / "predictions.json"
        rows = [{"question_id": case["question"]["id"], "text": case["prediction"]} for case in cases]
        source.write_text("\n".join(json.dumps(row) for row in rows))
        sys.argv = ["convert", "--src", str(source), "--dst", str(target)]
        exec(compile(script.read_text(), str(script), "exec"), {})
        parsed = [row["prediction"] for row in json.loads(target.read_text())]
    scores = [float(text == case["question"]["answers"][0]) for text, case in zip(parsed, cases, strict=True)]
    return judged(scores, parsed), {"accuracy": 100 * float(np.mean(scores))}
