"""VLMEvalKit: its datasets' own functions."""

import os
import string
import types

import numpy as np
import pandas as pd

from .loading import judged, load, module, options_of, package, parts


class VlmEvalKit:
    def __init__(self, folder):
        self.root = root = folder / "vlmeval"
        quiet = types.SimpleNamespace(info=print, warning=lambda *_: None)
        misc = parts(root / "smp" / "misc.py", ["process_punctuation", "istype", "d2df", "cn_string"])
        for name in ["vlmeval", "vlmeval.smp"]:
            package(name, root)
        module("vlmeval.smp.log", get_logger=lambda *_: quiet)
        self.matching = load("vlmk_matching", root / "utils" / "matching_util.py")
        self.tables = {}
        io_parts = {
            "load": lambda name: self.tables[name],
            "d2df": self.frame,
            "process_punctuation": misc.process_punctuation,
        }
        self.yorn = parts(root / "dataset" / "utils" / "yorn.py", ["YOrN_Extraction", "MME_rating", "POPE_rating"], **io_parts)
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

    def prompts(self, name, cases):
        """What its InternVL wrapper makes of the questions of a table."""
        kinds = {"mme": "Y/N", "pope": "Y/N", "gqa": "VQA", "textvqa": "VQA"}
        names = {"mme": "MME", "gqa": "GQA_TestDev_Balanced", "textvqa": "TextVQA_VAL"}
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
            DATASET_TYPE=lambda _: kinds.get(name, "MCQ"),
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
        return [model.build_prompt(line, names.get(name, name))[0]["value"] for line in lines]

    @staticmethod
    def frame(columns):
        return pd.DataFrame({name: [value] for name, value in columns.items()})

    def yes_no(self, cases, answers):
        extracted = [self.yorn.YOrN_Extraction(case["prediction"]) for case in cases]
        return extracted, [float(answer == one) for answer, one in zip(answers, extracted, strict=True)]

    def mme(self, cases):
        extracted, scores = self.yes_no(cases, [case["question"]["answers"][0] for case in cases])
        self.tables["mme"] = pd.DataFrame(
            {
                "category": [case["question"]["categories"]["category"] for case in cases],
                "image_path": [case["question"]["group"] for case in cases],
                "score": [bool(score) for score in scores],
            }
        )
        rating = self.yorn.MME_rating("mme").iloc[0].to_dict()
        names = {"perception": "perception (points)", "reasoning": "cognition (points)"}
        metrics = {names.get(name, f"{name} (points)"): float(value) for name, value in rating.items()}
        return judged(scores, extracted), metrics

    def pope(self, cases):
        # Its table writes answers with a capital.
        answers = [case["question"]["answers"][0].capitalize() for case in cases]
        extracted, scores = self.yes_no(cases, answers)
        categories = [case["question"]["categories"]["category"] for case in cases]
        self.tables["pope"] = pd.DataFrame(
            {"category": categories, "answer": answers, "extracted": extracted, "score": [bool(s) for s in scores]}
        )
        rating = self.yorn.POPE_rating("pope").set_index("split")
        overall = rating.loc["Overall"]
        names = {"accuracy": "acc", "precision": "precision", "recall": "recall", "F1, Overall": "Overall"}
        metrics = {ours: float(overall[theirs]) for ours, theirs in names.items()}
        metrics |= {f"F1: {name}": float(rating.loc[name]["Overall"]) for name in set(categories)}
        return judged(scores, extracted), metrics

    def lines(self, cases, method, answer_of):
        lines = [{"answer": answer_of(case["question"]), "prediction": case["prediction"]} for case in cases]
        results = [self.vqa.process_line(line, method=method) for line in lines]
        scores = [float(np.mean(result["match"])) for result in results]
        return results, scores, {"accuracy": 100 * float(np.mean(scores))}

    def gqa(self, cases):
        _, scores, metrics = self.lines(cases, "accuracy", lambda question: question["answers"][0])
        return judged(scores), metrics

    def textvqa(self, cases):
        results, scores, metrics = self.lines(cases, "vqa_score", lambda question: repr(question["answers"]))
        return judged(scores, [result["pred"] for result in results]), metrics

    def options(self, cases):
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

    seedbench = ai2d = mmmu = options

    def mmbench(self, cases):
        result, _ = self.options(cases)
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
        groups = [self.choice.prefetch_circular_group(table[table["g_index"] == index]) for index in main["index"]]
        # What is not decided without GPT is wrong in exact_matching mode (mcq_circular_eval).
        main["hit"] = [group["hit"] if group else 0 for group in groups]
        report = self.choice.report_acc(main).iloc[0]
        metrics = {"accuracy": 100 * float(report["Overall"])}
        metrics |= {f"category: {name}": 100 * float(report[name]) for name in set(main["category"])}
        return result, metrics
