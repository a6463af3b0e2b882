"""lmms-eval: its task files' own functions."""

from .loading import default_kwargs, load, module, options_of, package, parts


class LmmsEval:
    def __init__(self, checkouts):
        folder = checkouts / "lmms-eval"
        self.tasks = tasks = folder / "lmms_eval" / "tasks"
        package("lmms_eval", folder / "lmms_eval")
        package("lmms_eval.tasks", tasks)
        package("lmms_eval.tasks._task_utils", tasks / "_task_utils")
        module("lmms_eval.tasks._task_utils.file_utils", generate_submission_file=None)
        self.metrics = parts(folder / "lmms_eval" / "api" / "metrics.py", ["exact_match_hf_evaluate"])

    def load(self, path):
        """A file of a task, whole."""
        return load(f"lmms_{path.replace('/', '_').removesuffix('.py')}", self.tasks / path)

    def parts(self, path, *names, **namespace):
        """Only some functions of a file."""
        return parts(self.tasks / path, names, **namespace)

    def kwargs(self, path):
        """What a task's file gives its prompt function for most models."""
        return default_kwargs(self.tasks / path)

    @staticmethod
    def document(question):
        letters = options_of(question)
        fields = {letter: letters.get(letter, "nan") for letter in "ABCDE"}
        fields |= {f"choice_{letter.lower()}": text for letter, text in letters.items()}
        fields |= {"question": question["text"], "hint": question.get("hint", "nan"), "texts": list(letters.values())}
        fields |= {"category": "", "L2-category": "", "index": 0, "source": "", "split": "dev"}
        return fields | {"question_type": "multiple-choice" if letters else "open"}

    def documents(self, cases):
        return [self.document(case["question"]) for case in cases]

    def exact_match(self, prediction, reference):
        result = self.metrics.exact_match_hf_evaluate([prediction], [reference], ignore_case=True, ignore_punctuation=True)
        return float(result["exact_match"])
