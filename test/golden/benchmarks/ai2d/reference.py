import numpy as np
from harnesses.loading import judged


def lmms_eval(harness, cases):
    utils = harness.parts("ai2d/utils.py", "MultiChoiceRegexFilter", ExtendedRegexFilter=object)
    instance = object.__new__(utils.MultiChoiceRegexFilter)
    texts = instance.apply([[case["prediction"]] for case in cases], cases)
    scores = [harness.exact_match(text, case["question"]["answers"][0]) for text, case in zip(texts, cases, strict=True)]
    return judged(scores), {"accuracy": 100 * float(np.mean(scores))}


def lmms_eval_prompts(harness, cases):
    utils, kwargs = harness.parts("ai2d/utils.py", "ai2d_doc_to_text"), harness.kwargs("ai2d/ai2d.yaml")
    return [utils.ai2d_doc_to_text({**doc, "options": doc["texts"]}, kwargs) for doc in harness.documents(cases)]


def vlmevalkit(harness, cases):
    return harness.options(cases)


def vlmevalkit_prompts(harness, cases):
    return harness.prompts(cases, "MCQ")
