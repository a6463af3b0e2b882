import { basename, dirname, join } from "node:path";
import type { Profile, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import {
  fileImage,
  findFiles,
  INTERNVL_TOKENS,
  jsonLines,
  LLAVA_TOKENS,
  LMMS_EVAL_STOP,
  parquetFiles,
  parquetRows,
  pythonText,
  SHORT_ANSWER,
  tsvQuestions,
  yesNoWord,
  yesOrNo,
} from "../../kit/index.ts";
import { firstSentenceYesNo } from "./first-sentence.ts";
import { popeLmmsEval, popeOfficial, popeVlmEvalKit } from "./score.ts";

const lmmsEval: Profile = {
  protocol: {
    prompt: `the question, a line break, "${SHORT_ANSWER}"`,
    parser: "up to an empty line: the whole answer in lower case; only yes or no can be right",
    formula: "all categories together; an answer that is neither is no miss of the recall",
    source: "lmms-eval 75571cf: lmms_eval/tasks/pope/pope.yaml, utils.py",
  },
  maxTokens: 128,
  stop: LMMS_EVAL_STOP,
  prompt: ({ text }) => `${pythonText.strip(text)}\n${SHORT_ANSWER}`,
  judge: ({ answers }, answer) => {
    const parsed = pythonText.strip(answer.toLowerCase());
    return { parsed, score: parsed === pythonText.strip(answers[0].toLowerCase()) ? 1 : 0 };
  },
  score: popeLmmsEval,
};

const vlmevalkit: Profile = {
  protocol: {
    prompt: "the question as it is",
    parser: "the word yes or the word no, and not the other",
    formula: "F1 of all; a question of several categories counts once in each",
    source: "VLMEvalKit e8e78f0: vlmeval/vlm/internvl/internvl_chat.py, vlmeval/dataset/utils/yorn.py",
  },
  maxTokens: INTERNVL_TOKENS,
  prompt: ({ text }) => text,
  judge: ({ answers }, answer) => {
    const parsed = yesNoWord(answer);
    return { parsed, score: parsed.toLowerCase() === answers[0].toLowerCase() ? 1 : 0 };
  },
  score: popeVlmEvalKit,
};

const official: Profile = {
  protocol: {
    prompt: `the question, a line break, "${SHORT_ANSWER}" (LLaVA's)`,
    parser: `"No", "no" or "not" as a word before the first full stop is no; everything else is yes`,
    formula: "F1 of each category, and their mean",
    source: "POPE 3df3ba1: evaluate.py; LLaVA c121f04: llava/eval/eval_pope.py",
  },
  maxTokens: LLAVA_TOKENS,
  prompt: ({ text }) => `${text}\n${SHORT_ANSWER}`,
  judge: ({ answers }, answer) => {
    const parsed = firstSentenceYesNo(answer);
    return { parsed, score: parsed === answers[0].toLowerCase() ? 1 : 0 };
  },
  score: popeOfficial,
};

const parquet: QuestionReader = async function* ({ path }) {
  const columns = ["question_id", "question", "answer", "category"];
  for await (const { row, image } of parquetRows(await parquetFiles(path), columns, ["image"])) {
    const category = row.text("category");
    yield {
      id: `${category}/${row.id("question_id")}`,
      at: row.at,
      text: row.text("question"),
      images: [image("image")],
      answers: [yesOrNo(row, "answer")],
      options: [],
      categories: { category },
    };
  }
};

/**
 * coco_pope_random.json, _popular and _adversarial, a JSON object a line; COCO's val2014 beside them or in `images`.
 */
const jsonl: QuestionReader = async function* ({ path, images }) {
  for (const file of await findFiles(path, /coco_pope_\w+\.json$/, "files named coco_pope_*.json")) {
    const category = /coco_pope_(\w+)\.json$/.exec(basename(file))?.[1] ?? "all";
    for await (const row of jsonLines(file)) {
      yield {
        id: `${category}/${row.id("question_id")}`,
        at: row.at,
        text: row.text("text"),
        images: [fileImage(join(images ?? join(dirname(file), "val2014"), row.text("image")))],
        answers: [yesOrNo(row, "label")],
        options: [],
        categories: { category },
      };
    }
  }
};

const tsv = tsvQuestions({
  columns: ["category"],
  adapt: (question, row) => ({ ...question, answers: [yesOrNo(row, "answer")] }),
});

export const pope = defineBenchmark({
  name: "pope",
  title: "POPE",
  about:
    "POPE, objects that are and are not in COCO photos: POPE.tsv, lmms-lab's parquet, or coco_pope_*.json with val2014",
  data: { tsv, parquet, official: jsonl },
  profiles: { "lmms-eval": lmmsEval, vlmevalkit, official },
});
