import type { Option, Profile, Question, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import {
  circularScore,
  INTERNVL_TOKENS,
  judgeOption,
  LMMS_EVAL_TOKENS,
  OPTION_LETTER,
  optionLines,
  parquetFiles,
  parquetRows,
  pythonText,
  type Row,
  tsvQuestions,
  vlmevalkitChoicePrompt,
  vlmevalkitOption,
} from "../../kit/index.ts";
import { mmbenchOption } from "./option.ts";

/** The orders of a question's options have indices that are equal modulo it. */
const ORDERS = 1_000_000;
const LETTERS = [..."ABCD"];
const FORMULA = "a question is right if it is in every order of its options; share of questions";

/** lmms-eval writes "nan" for an option that is missing and goes on to look for it in answers, in "banana" too. */
const withNan = (options: readonly Option[]): Option[] =>
  LETTERS.map((letter) => options.find((option) => option.letter === letter) ?? { letter, text: "nan" });

const lmmsEval: Profile = {
  protocol: {
    prompt: `hint, question, "There are several options:", an option a line, an empty line, "${OPTION_LETTER}"`,
    parser:
      "a letter alone or with a mark, an option's text, a letter in any form (the task's static mode, without GPT)",
    formula: FORMULA,
    source: "lmms-eval 75571cf: lmms_eval/tasks/mmbench/mmbench_en_dev_static.yaml, en_utils.py, mmbench_evals.py",
  },
  maxTokens: LMMS_EVAL_TOKENS,
  stop: ["ASSISTANT:"],
  prompt({ text, hint, options }) {
    const question = `${text} There are several options:\n${optionLines(options)}`;
    return `${hint === undefined ? question : `${hint} ${question}`}\n\n${OPTION_LETTER}`;
  },
  judge: (question, answer) =>
    judgeOption(question, mmbenchOption(pythonText.strip(answer), withNan(question.options))),
  score: circularScore("accuracy", "category", "l2-category"),
};

const vlmevalkit: Profile = {
  protocol: {
    prompt: `hint, question, an option a line, "${OPTION_LETTER}"`,
    parser: "a letter among the last five words, or an option's text; else wrong (exact_matching, without GPT)",
    formula: FORMULA,
    source: "VLMEvalKit e8e78f0: vlmeval/vlm/internvl/utils.py, vlmeval/utils/matching_util.py, multiple_choice.py",
  },
  maxTokens: INTERNVL_TOKENS,
  prompt: vlmevalkitChoicePrompt,
  judge: (question, answer) => judgeOption(question, vlmevalkitOption(answer, question.options)),
  score: circularScore("accuracy", "category", "l2-category"),
};

const grouped = (question: Question, row: Row): Question => {
  row.oneOf("answer", LETTERS);
  return { ...question, group: String(row.integer("index") % ORDERS) };
};

const parquet: QuestionReader = async function* ({ path }) {
  const columns = ["index", "question", "answer", "hint", ...LETTERS, "category", "L2-category"];
  for await (const { row, image } of parquetRows(await parquetFiles(path, { split: "dev" }), columns, ["image"])) {
    // Where pandas takes "None", "null" and "N/A" of a table as missing too, in parquet they are texts.
    const present = (name: string) => {
      const text = row.optionalText(name);
      return text === "nan" ? undefined : text;
    };
    yield grouped(
      {
        id: row.id("index"),
        at: row.at,
        text: row.text("question"),
        images: [image("image")],
        answers: [row.text("answer")],
        options: LETTERS.flatMap((letter) => {
          const text = present(letter);
          return text === undefined ? [] : [{ letter, text }];
        }),
        hint: present("hint"),
        categories: { category: row.text("category"), "l2-category": row.text("L2-category") },
      },
      row,
    );
  }
};

export const mmbench = defineBenchmark({
  name: "mmbench",
  title: "MMBench-en dev",
  about: "MMBench in English, circular: MMBench_DEV_EN.tsv or its V11, or lmms-lab's parquet",
  data: { tsv: tsvQuestions({ columns: [...LETTERS, "category"], adapt: grouped }), parquet },
  profiles: { "lmms-eval": lmmsEval, vlmevalkit },
});
