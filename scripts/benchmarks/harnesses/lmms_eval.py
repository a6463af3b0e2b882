"""lmms-eval: its task files' own functions."""

import ast

import numpy as np

from .loading import Letters, default_kwargs, judged, load, module, options_of, package, parts, quietly


class LmmsEval:
    def __init__(self, folder):
        self.tasks = tasks = folder / "lmms_eval" / "tasks"
        package("lmms_eval", folder / "lmms_eval")
        package("lmms_eval.tasks", tasks)
        package("lmms_eval.tasks._task_utils", tasks / "_task_utils")
        package("lmms_eval.tasks.mmbench", tasks / "mmbench")
        module("lmms_eval.tasks._task_utils.file_utils", generate_submission_file=None)
        self.mme_utils = load("lmms_mme", tasks / "mme" / "utils.py")
        self.pope_utils = load("lmms_pope", tasks / "pope" / "utils.py")
        self.textvqa_utils = load("lmms_textvqa", tasks / "textvqa" / "utils.py")
        self.seed_utils = load("lmms_seed", tasks / "seedbench" / "utils.py")
        self.mmbench_evals = load("lmms_mmbench", tasks / "mmbench" / "mmbench_evals.py")
        self.mmmu_choice = load("lmms_mmmu_choice", tasks / "_task_utils" / "mmmu_mcq_utils.py")
        names = "mmmu_aggregate_results calculate_ins_level_acc DOMAIN_CAT2SUB_CAT eval_multi_choice eval_open evaluate_mmmu"
        names += " extract_numbers check_is_number normalize_str parse_open_response"
        self.mmmu_utils = parts(tasks / "mmmu" / "utils.py", names.split())
        self.metrics = parts(folder / "lmms_eval" / "api" / "metrics.py", ["exact_match_hf_evaluate"])
        self.ai2d_utils = parts(tasks / "ai2d" / "utils.py", ["MultiChoiceRegexFilter"], ExtendedRegexFilter=object)

    def prompts(self, name, cases):
        """What its prompt functions make of the questions; None where a question has another count of options."""
        files = {
            "mmbench": "_default_template_mmbench_en_yaml",
            "mmmu": "mmmu_val.yaml",
            "textvqa": "_default_template_textvqa_yaml",
        }
        kwargs = {} if name == "seedbench" else default_kwargs(self.tasks / name / files.get(name, f"{name}.yaml"))
        evaluator = self.mmbench_evals.MMBench_Evaluator(sys_prompt="There are several options:")
        gqa = parts(self.tasks / "gqa" / "utils.py", ["gqa_doc_to_text"])
        mmbench = parts(self.tasks / "mmbench" / "en_utils.py", ["mmbench_doc_to_text"], mmbench_evaluator=evaluator)
        mmmu = parts(self.tasks / "mmmu" / "utils.py", ["construct_prompt", "parse_options"], ast=ast)
        ai2d = parts(self.tasks / "ai2d" / "utils.py", ["ai2d_doc_to_text"])
        functions = {
            "mme": lambda doc: self.mme_utils.mme_doc_to_text(doc, kwargs),
            "pope": lambda doc: self.pope_utils.pope_doc_to_text(doc, kwargs),
            "gqa": lambda doc: gqa.gqa_doc_to_text(doc, kwargs),
            "textvqa": lambda doc: self.textvqa_utils.textvqa_doc_to_text(doc, kwargs),
            "mmbench": lambda doc: mmbench.mmbench_doc_to_text(doc, kwargs),
            "seedbench": lambda doc: self.seed_utils.seed_doc_to_text(doc) if "choice_d" in doc else None,
            "ai2d": lambda doc: ai2d.ai2d_doc_to_text({**doc, "options": doc["texts"]}, kwargs),
            "mmmu": lambda doc: mmmu.construct_prompt(
                {**doc, "options": repr(doc["texts"])}, kwargs["multiple_choice_prompt"], kwargs["open_ended_prompt"]
            ),
        }
        return [functions[name](self.document(case["question"])) for case in cases]

    @staticmethod
    def document(question):
        letters = options_of(question)
        fields = {letter: letters.get(letter, "nan") for letter in "ABCDE"}
        fields |= {f"choice_{letter.lower()}": text for letter, text in letters.items()}
        fields |= {"question": question["text"], "hint": question.get("hint", "nan"), "texts": list(letters.values())}
        fields |= {"category": "", "L2-category": "", "index": 0, "source": "", "split": "dev"}
        return fields | {"question_type": "multiple-choice" if letters else "open"}

    def exact_match(self, prediction, reference):
        result = self.metrics.exact_match_hf_evaluate([prediction], [reference], ignore_case=True, ignore_punctuation=True)
        return float(result["exact_match"])

    def mme(self, cases):
        results, parsed = [], []
        for case in cases:
            question = case["question"]
            doc = {
                "answer": question["answers"][0],
                "category": question["categories"]["category"],
                "question_id": question["group"],
            }
            (result,) = self.mme_utils.mme_process_results(doc, [case["prediction"]]).values()
            results.append(result)
            parsed.append(self.mme_utils.parse_pred_ans(case["prediction"]))
        kinds = self.mme_utils.eval_type_dict
        total = lambda names: self.mme_utils.mme_aggregate_results([r for r in results if r["category"] in names])  # noqa: E731
        metrics = {"perception (points)": total(kinds["Perception"]), "cognition (points)": total(kinds["Cognition"])}
        for name in kinds["Perception"] + kinds["Cognition"]:
            metrics[f"{name} (points)"] = total([name])
        return judged([r["score"] for r in results], parsed), metrics

    def pope(self, cases):
        rows = []
        for case in cases:
            doc = {"answer": case["question"]["answers"][0], "question_id": case["question"]["id"]}
            rows.append(self.pope_utils.pope_process_results(doc, [case["prediction"]])["pope_accuracy"])
        names = {"accuracy": "accuracy", "F1": "f1_score", "precision": "precision", "recall": "recall"}
        metrics = {ours: 100 * getattr(self.pope_utils, f"pope_aggregate_{theirs}")(rows) for ours, theirs in names.items()}
        metrics["yes ratio of the labels"] = 100 * self.pope_utils.pope_aggregate_yes_ratio(rows)
        return judged([row["score"] for row in rows], [row["prediction"] for row in rows]), metrics

    def gqa(self, cases):
        scores = [self.exact_match(case["prediction"], case["question"]["answers"][0]) for case in cases]
        return judged(scores), {"accuracy": 100 * float(np.mean(scores))}

    def textvqa(self, cases):
        scores, parsed = [], []
        for case in cases:
            doc = {"answers": list(case["question"]["answers"]), "question_id": 0}
            result = self.textvqa_utils.textvqa_process_results(doc, [case["prediction"]])
            scores.append(float(result["exact_match"]))
            parsed.append(result["submission"]["answer"])
        return judged(scores, parsed), {"accuracy": 100 * float(np.mean(scores))}

    def mmbench(self, cases):
        from lmms_eval.tasks._task_utils.mcq_extract import extract_mcq_answer

        evaluator = self.mmbench_evals.MMBench_Evaluator()
        rows, parsed = [], []
        for case in cases:
            question = case["question"]
            row = {
                "index": int(question["id"]),
                "question": question["text"],
                "answer": question["answers"][0],
                # en_utils.mmbench_process_results
                "prediction": case["prediction"].strip(),
                "category": question["categories"]["category"],
            }
            row |= {letter: options_of(question).get(letter, "nan") for letter in "ABCDE"}
            rows.append(row)
            found = evaluator.prefetch_answer(row)
            if not found:
                found = extract_mcq_answer(row["prediction"], choices=sorted(evaluator.build_choices(row)))
            parsed.append(found or None)
        overall, categories, _ = quietly(evaluator.eval_result, rows, eval_method="static")
        metrics = {"accuracy": 100 * overall} | {f"category: {name}": 100 * value for name, value in categories.items()}
        return judged([float(p == row["answer"]) for p, row in zip(parsed, rows, strict=True)], parsed), metrics

    def seedbench(self, cases):
        rows, scores = [], []
        for case in cases:
            doc = {"answer": case["question"]["answers"][0], "data_type": "image", "question_id": 0}
            row = self.seed_utils.seed_process_result(doc, [case["prediction"]])["seed_image"]
            rows.append(row)
            scores.append(float(self.seed_utils.seed_aggregation_result([row])))
        metrics = {"accuracy": 100 * self.seed_utils.seed_aggregation_result(rows)}
        return judged(scores, [row["pred"] for row in rows]), metrics

    def ai2d(self, cases):
        instance = object.__new__(self.ai2d_utils.MultiChoiceRegexFilter)
        texts = instance.apply([[case["prediction"]] for case in cases], cases)
        scores = [self.exact_match(text, case["question"]["answers"][0]) for text, case in zip(texts, cases, strict=True)]
        return judged(scores), {"accuracy": 100 * float(np.mean(scores))}

    def mmmu(self, cases, ours):
        letters = Letters()
        self.mmmu_choice.random = letters
        rows, parsed, drawn = [], [], []
        for i, (case, own) in enumerate(zip(cases, ours["judged"], strict=True)):
            question, options = case["question"], options_of(case["question"])
            letters.letter, letters.drawn = own["parsed"], False
            if options:
                answer = self.mmmu_choice.parse_mmmu_multi_choice_response(case["prediction"], list(options), options)
            else:
                values = self.mmmu_utils.parse_open_response(case["prediction"])
                answer = str(values[0]) if values else ""
            parsed.append(answer if options else None)
            drawn.append(letters.drawn)
            rows.append(
                {
                    "id": str(i),
                    "subdomain": question["categories"]["category"],
                    "question_type": "multiple-choice" if options else "open",
                    "answer": question["answers"][0] if options else question["writtenAnswer"],
                    "parsed_pred": [answer],
                }
            )
        scores = [self.mmmu_utils.evaluate_mmmu([row])[1]["acc"] for row in rows]
        # It rounds to five places: the sum is taken before.
        return judged(scores, parsed, drawn), {"accuracy": 100 * float(np.mean(scores))}
