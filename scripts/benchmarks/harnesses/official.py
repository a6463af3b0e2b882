"""The authors' own scorers: POPE, MMMU, LLaVA's conversions."""

import contextlib
import io
import json
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

from .loading import Letters, judged, load, module, options_of, parts, quietly


class Official:
    def __init__(self, folders):
        self.folders = folders

    def prompts(self, name, cases):
        """MMMU's; the others publish no code for theirs."""
        if name != "mmmu":
            return None
        utils = load("mmmu_data_utils", self.folders.mmmu / "mmmu" / "utils" / "data_utils.py")
        config = yaml.safe_load((self.folders.mmmu / "mmmu" / "configs" / "llava1.5.yaml").read_text())
        config = {key: value[0] if isinstance(value, list) else value for key, value in config.items()}
        prompts = []
        for case in cases:
            letters = options_of(case["question"])
            kind = "multiple-choice" if letters else "open"
            sample = {"question": case["question"]["text"], "options": repr(list(letters.values())), "question_type": kind}
            sample["answer"] = case["question"]["answers"][0]
            prompts.append(utils.construct_prompt(sample, config)["final_input_prompt"])
        return prompts

    def pope(self, cases):
        source = (self.folders.pope / "evaluate.py").read_text()
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

    def gqa(self, cases):
        script = self.folders.llava / "scripts" / "convert_gqa_for_eval.py"
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "answers.jsonl", Path(folder) / "predictions.json"
            rows = [{"question_id": case["question"]["id"], "text": case["prediction"]} for case in cases]
            source.write_text("\n".join(json.dumps(row) for row in rows))
            sys.argv = ["convert", "--src", str(source), "--dst", str(target)]
            exec(compile(script.read_text(), str(script), "exec"), {})
            parsed = [row["prediction"] for row in json.loads(target.read_text())]
        # GQA's eval.py, which counts equal texts, is not in the repository.
        scores = [float(text == case["question"]["answers"][0]) for text, case in zip(parsed, cases, strict=True)]
        return judged(scores, parsed), {"accuracy": 100 * float(np.mean(scores))}

    def textvqa(self, cases):
        module("tqdm", tqdm=lambda items: items)
        evaluator = load("llava_m4c", self.folders.llava / "llava" / "eval" / "m4c_evaluator.py").TextVQAAccuracyEvaluator()
        entries = [{"pred_answer": case["prediction"], "gt_answers": case["question"]["answers"]} for case in cases]
        scores = [float(evaluator.eval_pred_list([entry])) for entry in entries]
        parsed = [evaluator.answer_processor(case["prediction"]) for case in cases]
        return judged(scores, parsed), {"accuracy": 100 * float(evaluator.eval_pred_list(entries))}

    def seedbench(self, cases):
        path = self.folders.llava / "scripts" / "convert_seed_for_submission.py"

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

    def mmmu(self, cases, ours):
        utils = load("mmmu_eval_utils", self.folders.mmmu / "mmmu" / "utils" / "eval_utils.py")
        letters = Letters()
        utils.random = letters
        rows, parsed, drawn = [], [], []
        for i, (case, own) in enumerate(zip(cases, ours["judged"], strict=True)):
            question, options = case["question"], options_of(case["question"])
            letters.letter, letters.drawn = own["parsed"], False
            if options:
                answer = utils.parse_multi_choice_response(case["prediction"], list(options), options)
            else:
                answer = utils.parse_open_response(case["prediction"])
            parsed.append(answer if options else None)
            drawn.append(letters.drawn)
            gold = question["answers"] if len(question["answers"]) > 1 else question["answers"][0]
            kind = "multiple-choice" if options else "open"
            rows.append({"id": str(i), "question_type": kind, "answer": gold, "parsed_pred": answer})
        scores = [utils.evaluate([row])[1]["acc"] for row in rows]
        return judged(scores, parsed, drawn), {"accuracy": 100 * utils.evaluate(rows)[1]["acc"]}
