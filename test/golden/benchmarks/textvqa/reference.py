import numpy as np
from harnesses.loading import judged, load, module


def lmms_eval(harness, cases):
    utils = harness.load("textvqa/utils.py")
    scores, parsed = [], []
    for case in cases:
        doc = {"answers": list(case["question"]["answers"]), "question_id": 0}
        result = utils.textvqa_process_results(doc, [case["prediction"]])
        scores.append(float(result["exact_match"]))
        parsed.append(result["submission"]["answer"])
    return judged(scores, parsed), {"accuracy": 100 * float(np.mean(scores))}


def lmms_eval_prompts(harness, cases):
    utils, kwargs = harness.load("textvqa/utils.py"), harness.kwargs("textvqa/_default_template_textvqa_yaml")
    return [utils.textvqa_doc_to_text(doc, kwargs) for doc in harness.documents(cases)]


def vlmevalkit(harness, cases):
    results, scores, metrics = harness.lines(cases, "vqa_score", lambda question: repr(question["answers"]))
    return judged(scores, [result["pred"] for result in results]), metrics


def vlmevalkit_prompts(harness, cases):
    return harness.prompts(cases, "VQA", "TextVQA_VAL")


def official(checkouts, cases):
    """LLaVA's m4c_evaluator.py."""
    module("tqdm", tqdm=lambda items: items)
    evaluator = load("llava_m4c", checkouts / "LLaVA" / "llava" / "eval" / "m4c_evaluator.py").TextVQAAccuracyEvaluator()
    entries = [{"pred_answer": case["prediction"], "gt_answers": case["question"]["answers"]} for case in cases]
    scores = [float(evaluator.eval_pred_list([entry])) for entry in entries]
    parsed = [evaluator.answer_processor(case["prediction"]) for case in cases]
    return judged(scores, parsed), {"accuracy": 100 * float(evaluator.eval_pred_list(entries))}
