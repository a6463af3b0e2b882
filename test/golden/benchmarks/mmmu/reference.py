import ast
import os

import numpy as np
import yaml
from harnesses.loading import Letters, judged, load, options_of


def lmms_eval(harness, cases):
    choice = harness.load("_task_utils/mmmu_mcq_utils.py")
    names = "mmmu_aggregate_results calculate_ins_level_acc DOMAIN_CAT2SUB_CAT eval_multi_choice eval_open evaluate_mmmu"
    names += " extract_numbers check_is_number normalize_str parse_open_response"
    utils = harness.parts("mmmu/utils.py", *names.split())
    letters = choice.random = Letters()
    rows, parsed, drawn = [], [], []
    for i, case in enumerate(cases):
        question, options = case["question"], options_of(case["question"])
        letters.letter, letters.drawn = case["parsed"], False
        if options:
            answer = choice.parse_mmmu_multi_choice_response(case["prediction"], list(options), options)
        else:
            values = utils.parse_open_response(case["prediction"])
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
    scores = [utils.evaluate_mmmu([row])[1]["acc"] for row in rows]
    # It rounds to five places: the sum is taken before.
    return judged(scores, parsed, drawn), {"accuracy": 100 * float(np.mean(scores))}


def lmms_eval_prompts(harness, cases):
    utils = harness.parts("mmmu/utils.py", "construct_prompt", "parse_options", ast=ast)
    kwargs = harness.kwargs("mmmu/mmmu_val.yaml")
    parts = kwargs["multiple_choice_prompt"], kwargs["open_ended_prompt"]
    return [doc and utils.construct_prompt(doc, *parts) for doc in documents(harness, cases)]


class Picture:
    """In place of an image: its number among those of the question is what is compared."""

    def convert(self, _mode):
        return self


def has_all_options(case):
    letters = "".join(options_of(case["question"]))
    return letters == "" or ("ABCDEF".startswith(letters) and case["question"]["answers"][0] in letters)


def documents(harness, cases):
    """None for a question of which an option is missing: the hub's files have all."""
    pictures = {f"image_{i}": Picture() for i in range(1, 8)}
    found = []
    for case, doc in zip(cases, harness.documents(cases), strict=True):
        whole = has_all_options(case)
        found.append({**doc, **pictures, "options": repr(doc["texts"])} if whole else None)
    return found


lmms_eval_chat = lmms_eval


def lmms_eval_chat_prompts(harness, cases):
    config = {"metadata": {"interleaved_format": False}}
    names = "mmmu_doc_to_messages mmmu_doc_to_text mmmu_doc_to_visual construct_prompt parse_options replace_images_tokens"
    utils = harness.parts("mmmu/utils.py", *names.split(), ast=ast, os=os, config=config)
    kwargs = harness.kwargs("mmmu/mmmu_val.yaml")
    prompts = []
    for doc in documents(harness, cases):
        if doc is None:
            prompts.append(None)
            continue
        pictures = utils.mmmu_doc_to_visual(doc)
        [message] = utils.mmmu_doc_to_messages(doc, kwargs)
        prompts.append([one["text"] if one["type"] == "text" else pictures.index(one["url"]) for one in message["content"]])
    return prompts


def vlmevalkit(harness, cases):
    return harness.options(cases)


def vlmevalkit_prompts(harness, cases):
    reorganize = harness.internvl("reorganize_prompt")
    prompts = []
    for case, text in zip(cases, harness.prompts(cases, "MCQ"), strict=True):
        count = case["images"]
        message = [{"type": "image", "value": ""}] * count + [{"type": "text", "value": text}]
        pieces = reorganize(message, count, dataset="MMMU_DEV_VAL").split("<image>")
        numbered = [[piece, i] for i, piece in enumerate(pieces[:-1])]
        prompts.append([*sum(numbered, []), pieces[-1]] if count > 1 else text)
    return prompts


def official(checkouts, cases):
    """MMMU's eval_utils.py."""
    utils = load("mmmu_eval_utils", checkouts / "MMMU" / "mmmu" / "utils" / "eval_utils.py")
    letters = utils.random = Letters()
    rows, parsed, drawn = [], [], []
    for i, case in enumerate(cases):
        question, options = case["question"], options_of(case["question"])
        letters.letter, letters.drawn = case["parsed"], False
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


def official_prompts(checkouts, cases):
    utils = load("mmmu_data_utils", checkouts / "MMMU" / "mmmu" / "utils" / "data_utils.py")
    config = yaml.safe_load((checkouts / "MMMU" / "mmmu" / "configs" / "llava1.5.yaml").read_text())
    config = {key: value[0] if isinstance(value, list) else value for key, value in config.items()}
    prompts = []
    for case in cases:
        letters = options_of(case["question"])
        if not has_all_options(case):
            prompts.append(None)
            continue
        kind = "multiple-choice" if letters else "open"
        sample = {"question": case["question"]["text"], "options": repr(list(letters.values())), "question_type": kind}
        sample["answer"] = case["question"]["answers"][0]
        prompts.append(utils.construct_prompt(sample, config)["final_input_prompt"])
    return prompts
