import numpy as np
import pandas as pd
from harnesses.loading import judged, options_of, package, quietly


def evaluator_of(harness, **settings):
    package("lmms_eval.tasks.mmbench", harness.tasks / "mmbench")
    return harness.load("mmbench/mmbench_evals.py").MMBench_Evaluator(**settings)


def lmms_eval(harness, cases):
    evaluator = evaluator_of(harness)
    from lmms_eval.tasks._task_utils.mcq_extract import extract_mcq_answer

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


def lmms_eval_prompts(harness, cases):
    evaluator = evaluator_of(harness, sys_prompt="There are several options:")
    utils = harness.parts("mmbench/en_utils.py", "mmbench_doc_to_text", mmbench_evaluator=evaluator)
    kwargs = harness.kwargs("mmbench/_default_template_mmbench_en_yaml")
    return [utils.mmbench_doc_to_text(doc, kwargs) for doc in harness.documents(cases)]


def vlmevalkit(harness, cases):
    result, _ = harness.options(cases)
    table = pd.DataFrame(
        [
            {
                "index": int(case["question"]["id"]),
                "prediction": case["prediction"],
                "GT": case["question"]["answers"][0],
                "category": case["question"]["categories"]["category"],
            }
            | {letter: options_of(case["question"]).get(letter, np.nan) for letter in "ABCD"}
            for case in cases
        ]
    )
    table["g_index"] = [int(index % 1e6) for index in table["index"]]
    main = table[table["index"] == table["g_index"]].copy()
    groups = [harness.choice.prefetch_circular_group(table[table["g_index"] == index]) for index in main["index"]]
    # What is not decided without GPT is wrong in exact_matching mode (mcq_circular_eval).
    main["hit"] = [group["hit"] if group else 0 for group in groups]
    report = harness.choice.report_acc(main).iloc[0]
    metrics = {"accuracy": 100 * float(report["Overall"])}
    metrics |= {f"category: {name}": 100 * float(report[name]) for name in sorted(set(main["category"]))}
    return result, metrics


def vlmevalkit_prompts(harness, cases):
    return harness.prompts(cases, "MCQ")
