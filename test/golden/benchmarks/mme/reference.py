import pandas as pd
from harnesses.loading import judged


def lmms_eval(harness, cases):
    utils = harness.load("mme/utils.py")
    results, parsed = [], []
    for case in cases:
        question = case["question"]
        doc = {
            "answer": question["answers"][0],
            "category": question["categories"]["category"],
            "question_id": question["group"],
        }
        (result,) = utils.mme_process_results(doc, [case["prediction"]]).values()
        results.append(result)
        parsed.append(utils.parse_pred_ans(case["prediction"]))
    kinds = utils.eval_type_dict
    total = lambda names: utils.mme_aggregate_results([r for r in results if r["category"] in names])
    metrics = {"perception (points)": total(kinds["Perception"]), "cognition (points)": total(kinds["Cognition"])}
    for name in kinds["Perception"] + kinds["Cognition"]:
        metrics[f"{name} (points)"] = total([name])
    return judged([r["score"] for r in results], parsed), metrics


def lmms_eval_prompts(harness, cases):
    utils, kwargs = harness.load("mme/utils.py"), harness.kwargs("mme/mme.yaml")
    return [utils.mme_doc_to_text(doc, kwargs) for doc in harness.documents(cases)]


def vlmevalkit(harness, cases):
    extracted, scores = harness.yes_no(cases, [case["question"]["answers"][0] for case in cases])
    harness.tables["mme"] = pd.DataFrame(
        {
            "category": [case["question"]["categories"]["category"] for case in cases],
            "image_path": [case["question"]["group"] for case in cases],
            "score": [bool(score) for score in scores],
        }
    )
    rating = harness.yorn("MME_rating")("mme").iloc[0].to_dict()
    names = {"perception": "perception (points)", "reasoning": "cognition (points)"}
    metrics = {names.get(name, f"{name} (points)"): float(value) for name, value in rating.items()}
    return judged(scores, extracted), metrics


def vlmevalkit_prompts(harness, cases):
    return harness.prompts(cases, "Y/N", "MME")
