"""VLMEvalKit: its datasets' own functions."""

import os
import string
import types

import numpy as np
import pandas as pd

from .loading import judged, load, module, options_of, package, parts


class VlmEvalKit:
    def __init__(self, checkouts):
        self.root = root = checkouts / "VLMEvalKit" / "vlmeval"
        quiet = types.SimpleNamespace(info=print, warning=lambda *_: None)
        misc = parts(root / "smp" / "misc.py", ["process_punctuation", "istype", "d2df", "cn_string"])
        for name in ["vlmeval", "vlmeval.smp"]:
            package(name, root)
        module("vlmeval.smp.log", get_logger=lambda *_: quiet)
        self.matching = load("vlmk_matching", root / "utils" / "matching_util.py")
        self.tables = {}
        self.io_parts = {
            "load": lambda name: self.tables[name],
            "d2df": self.frame,
            "process_punctuation": misc.process_punctuation,
        }
        self.vqa = parts(
            root / "dataset" / "utils" / "vqa_eval.py",
            ["process_line", "process_answer", "_process_digit_article"],
            process_punctuation=misc.process_punctuation,
            istype=misc.istype,
        )
        names = "MMMU_preproc build_choices prefetch_answer extract_answer_from_item eval_vanilla prefetch_circular_group"
        self.choice = parts(
            root / "dataset" / "utils" / "multiple_choice.py",
            (names + " report_acc MMB_abbrs build_prompt build_prompt_cn").split(),
            can_infer=self.matching.can_infer,
            cn_string=misc.cn_string,
            build_option_str=lambda _: "",
            logger=types.SimpleNamespace(info=lambda *_: None, warning=lambda *_: None),
        )

    def prompts(self, cases, kind, dataset=""):
        """What its InternVL wrapper makes of the questions of a table: "Y/N", "VQA" or "MCQ"."""
        listinstr = lambda some, text: any(one in text for one in some)
        internvl = self.root / "vlm" / "internvl"
        misc = parts(self.root / "smp" / "misc.py", ["cn_string"])
        choice = parts(internvl / "utils.py", ["build_multi_choice_prompt"], cn_string=misc.cn_string)
        wrapper = parts(
            internvl / "internvl_chat.py",
            ["InternVLChat"],
            BaseModel=object,
            torch=types.SimpleNamespace(no_grad=lambda: lambda function: function),
            os=os,
            listinstr=listinstr,
            DATASET_TYPE=lambda _: kind,
            DATASET_MODALITY=lambda _: "IMAGE",
            build_multi_choice_prompt=choice.build_multi_choice_prompt,
        ).InternVLChat
        model = object.__new__(wrapper)
        model.__dict__ |= {"use_mpo_prompt": False, "use_cot": False, "_use_custom_prompt": True}
        wrapper.dump_image = lambda *_: []
        lines = []
        for case in cases:
            question = case["question"]
            hint = question.get("hint", np.nan)
            lines.append({"question": question["text"], "hint": hint} | options_of(question))
        return [model.build_prompt(line, dataset)[0]["value"] for line in lines]

    def internvl(self, name):
        """A function of its InternVL wrapper."""
        listinstr = lambda some, text: any(one in text for one in some)
        return getattr(parts(self.root / "vlm" / "internvl" / "utils.py", [name], listinstr=listinstr), name)

    @staticmethod
    def frame(columns):
        return pd.DataFrame({name: [value] for name, value in columns.items()})

    def yorn(self, name):
        """A function of its yes-or-no benchmarks."""
        return getattr(parts(self.root / "dataset" / "utils" / "yorn.py", [name], **self.io_parts), name)

    def yes_no(self, cases, answers):
        extract = self.yorn("YOrN_Extraction")
        extracted = [extract(case["prediction"]) for case in cases]
        return extracted, [float(answer == one) for answer, one in zip(answers, extracted, strict=True)]

    def lines(self, cases, method, answer_of):
        lines = [{"answer": answer_of(case["question"]), "prediction": case["prediction"]} for case in cases]
        results = [self.vqa.process_line(line, method=method) for line in lines]
        scores = [float(np.mean(result["match"])) for result in results]
        return results, scores, {"accuracy": 100 * float(np.mean(scores))}

    def options(self, cases):
        """Multiple choice, each question by itself."""
        items = []
        for case in cases:
            question = case["question"]
            answer = question.get("writtenAnswer", question["answers"][0])
            item = {"question": question["text"], "prediction": case["prediction"], "answer": answer}
            items.append(item | {letter: options_of(question).get(letter, np.nan) for letter in "ABCDEF"})
        table = self.choice.MMMU_preproc(pd.DataFrame(items))
        table["GT"] = [answer if answer in list(string.ascii_uppercase) else "A" for answer in table["answer"]]
        rows = [table.iloc[i] for i in range(len(table))]
        scores = [float(self.choice.eval_vanilla(None, row)["hit"]) for row in rows]
        parsed = [self.choice.prefetch_answer(row) or None for row in rows]
        return judged(scores, parsed), {"accuracy": 100 * float(np.mean(scores))}
