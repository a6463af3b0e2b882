import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from harnesses.loading import judged, quietly


def lmms_eval(harness, cases):
    utils = harness.load("pope/utils.py")
    rows = []
    for case in cases:
        doc = {"answer": case["question"]["answers"][0], "question_id": case["question"]["id"]}
        rows.append(utils.pope_process_results(doc, [case["prediction"]])["pope_accuracy"])
    names = {"accuracy": "accuracy", "F1": "f1_score", "precision": "precision", "recall": "recall"}
    metrics = {ours: 100 * getattr(utils, f"pope_aggregate_{theirs}")(rows) for ours, theirs in names.items()}
    metrics["yes ratio of the labels"] = 100 * utils.pope_aggregate_yes_ratio(rows)
    return judged([row["score"] for row in rows], [row["prediction"] for row in rows]), metrics


def lmms_eval_prompts(harness, cases):
    utils, kwargs = harness.load("pope/utils.py"), harness.kwargs("pope/pope.yaml")
    return [utils.pope_doc_to_text(doc, kwargs) for doc in harness.documents(cases)]


def vlmevalkit(harness, cases):
    # Its table writes answers with a capital.
    answers = [case["question"]["answers"][0].capitalize() for case in cases]
    extracted, scores = harness.yes_no(cases, answers)
    categories = [case["question"]["categories"]["category"] for case in cases]
    harness.tables["pope"] = pd.DataFrame(
        {"category": categories, "answer": answers, "extracted": extracted, "score": [bool(s) for s in scores]}
    )
    rating = harness.yorn("POPE_rating")("pope").set_index("split")
    overall = rating.loc["Overall"]
    names = {"accuracy": "acc", "precision": "precision", "recall": "recall", "F1, Overall": "Overall"}
    metrics = {ours: float(overall[theirs]) for ours, theirs in names.items()}
    metrics |= {f"F1: {name}": float(rating.loc[name]["Overall"]) for name in sorted(set(categories))}
    return judged(scores, extracted), metrics


def vlmevalkit_prompts(harness, cases):
    return harness.prompts(cases, "Y/N")


def official(checkouts, cases):
    """POPE's evaluate.py."""
    source = (checkouts / "POPE" / "evaluate.py").read_text()
    scores, parsed, metrics, f1 = [None] * len(cases), [None] * len(cases), {}, []
    for category in sorted({case["question"]["categories"]["category"] for case in cases}):
        own = [i for i, case in enumerate(cases) if case["question"]["categories"]["category"] == category]
        with tempfile.TemporaryDirectory() as folder:
            answers, labels = Path(folder) / "answers.json", Path(folder) / "labels.json"
            answers.write_text("\n".join(json.dumps({"answer": cases[i]["prediction"]}) for i in own))
            labels.write_text("\n".join(json.dumps({"label": cases[i]["question"]["answers"][0]}) for i in own))
            script = source.replace("ans_file = ''", f"ans_file = {str(answers)!r}")
            script = script.replace("label_file = ''", f"label_file = {str(labels)!r}")
            scope = {}
            quietly(exec, compile(script, "evaluate.py", "exec"), scope)
        for i, prediction, label in zip(own, scope["pred_list"], scope["label_list"], strict=True):
            scores[i], parsed[i] = float(prediction == label), "yes" if prediction else "no"
        names = {"F1": "f1", "accuracy": "acc", "precision": "precision", "recall": "recall", "answers yes": "yes_ratio"}
        metrics |= {f"{ours}: {category}": 100 * scope[theirs] for ours, theirs in names.items()}
        f1.append(100 * scope["f1"])
    return judged(scores, parsed), metrics | {"F1, mean of categories": float(np.mean(f1))}
