import contextlib
import io
import json
import re
import tempfile

import numpy as np
from harnesses.loading import judged, parts


def lmms_eval(harness, cases):
    utils = harness.load("seedbench/utils.py")
    rows, scores = [], []
    for case in cases:
        doc = {"answer": case["question"]["answers"][0], "data_type": "image", "question_id": 0}
        row = utils.seed_process_result(doc, [case["prediction"]])["seed_image"]
        rows.append(row)
        scores.append(float(utils.seed_aggregation_result([row])))
    return judged(scores, [row["pred"] for row in rows]), {"accuracy": 100 * utils.seed_aggregation_result(rows)}


def lmms_eval_prompts(harness, cases):
    """None for a question that has not four options."""
    utils = harness.load("seedbench/utils.py")
    return [utils.seed_doc_to_text(doc) if "choice_d" in doc else None for doc in harness.documents(cases)]


def vlmevalkit(harness, cases):
    return harness.options(cases)


def vlmevalkit_prompts(harness, cases):
    return harness.prompts(cases, "MCQ")


def official(checkouts, cases):
    """LLaVA's conversion, which counts the letters that are right."""
    path = checkouts / "LLaVA" / "scripts" / "convert_seed_for_submission.py"

    def accuracy(some):
        questions = [
            {
                "question_id": c["question"]["id"],
                "data_type": "image",
                "question_type_id": 1,
                "answer": c["question"]["answers"][0],
            }
            for c in some
        ]
        script = parts(path, ["eval_single"], json=json, data={"questions": questions})
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            for c in some:
                file.write(json.dumps({"question_id": int(c["question"]["id"]), "text": c["prediction"]}) + "\n")
            file.flush()
            with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(KeyError):
                # It fails where nothing at all is right.
                script.eval_single(file.name, "image")
        found = re.search(r"accuracy: ([\d.]+)%", printed.getvalue())
        return float(found[1]) if found else 0.0

    scores = [accuracy([case]) / 100 for case in cases]
    return judged(scores), {"accuracy": float(np.mean(scores)) * 100}
