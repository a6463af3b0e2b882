import { dirname, join } from "node:path";
import type { Profile, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import {
  exactMatchForm,
  fileImage,
  findFile,
  INTERNVL_TOKENS,
  jsonElements,
  LLAVA_TOKENS,
  LMMS_EVAL_STOP,
  meanScore,
  parquetFiles,
  parquetImages,
  parquetRows,
  pythonText,
  Row,
  SHORT_ANSWER,
  tsvQuestions,
} from "../../kit/index.ts";

const PROMPT = `the question, a line break, "${SHORT_ANSWER}"`;
const prompt: Profile["prompt"] = ({ text }) => `${text}\n${SHORT_ANSWER}`;

const lmmsEval: Profile = {
  protocol: {
    prompt: PROMPT,
    parser: "up to an empty line; lower case, punctuation deleted, on both sides",
    formula: "share of equal answers",
    source: "lmms-eval 75571cf: lmms_eval/tasks/gqa/gqa.yaml, lmms_eval/api/metrics.py",
  },
  maxTokens: 16,
  stop: LMMS_EVAL_STOP,
  prompt,
  judge: ({ answers }, answer) => {
    const parsed = exactMatchForm(answer);
    return { parsed, score: parsed === exactMatchForm(answers[0]) ? 1 : 0 };
  },
  score: meanScore("accuracy", "type"),
};

const vlmevalkit: Profile = {
  protocol: {
    prompt: PROMPT,
    parser: "lower case without outer space, on both sides",
    formula: "share of equal answers",
    source: "VLMEvalKit e8e78f0: vlmeval/vlm/internvl/internvl_chat.py, vlmeval/dataset/utils/vqa_eval.py",
  },
  maxTokens: INTERNVL_TOKENS,
  prompt,
  judge: ({ answers }, answer) => {
    const parsed = pythonText.strip(answer).toLowerCase();
    return { parsed, score: parsed === pythonText.strip(answers[0]).toLowerCase() ? 1 : 0 };
  },
  score: meanScore("accuracy", "type"),
};

const official: Profile = {
  protocol: {
    prompt: PROMPT,
    parser: "lower case without full stops at its end (LLaVA's conversion)",
    formula:
      "share of answers that are equal to the file's; open where the question's structure is a query, else binary",
    source: "LLaVA c121f04: scripts/convert_gqa_for_eval.py; GQA's eval.py as it is described",
  },
  maxTokens: LLAVA_TOKENS,
  prompt,
  judge: ({ answers }, answer) => {
    const parsed = answer.replace(/\.+$/, "").toLowerCase();
    return { parsed, score: parsed === answers[0] ? 1 : 0 };
  },
  score: meanScore("accuracy", "type"),
};

function questionOf(id: string, row: Row): Omit<Parameters<Profile["prompt"]>[0], "images"> {
  const structural = row.row("types").optionalText("structural");
  return {
    id,
    at: row.at,
    text: row.text("question"),
    answers: [row.text("answer")],
    options: [],
    categories: structural === undefined ? {} : { type: structural === "query" ? "open" : "binary", structural },
  };
}

/**
 * testdev_balanced_questions.json, an object of questions by their id; images/<imageId>.jpg beside it or in `images`.
 */
const json: QuestionReader = async function* ({ path, images }) {
  const file = await findFile(path, /testdev_balanced_questions\.json$/, "testdev_balanced_questions.json");
  for await (const { at, key, value } of jsonElements(file, null)) {
    const row = new Row(at, value);
    if (row.raw("isBalanced") !== true) continue;
    const folder = images ?? join(dirname(file), "images");
    yield { ...questionOf(key ?? at, row), images: [fileImage(join(folder, `${row.id("imageId")}.jpg`))] };
  }
};

/** lmms-lab's two sets of files: testdev_balanced_instructions, and testdev_balanced_images with an image once. */
const parquet: QuestionReader = async function* ({ path, images }) {
  const pictures = await parquetImages(
    await parquetFiles(images ?? path, { pattern: /balanced_images.*\.parquet$/, split: "testdev" }),
  );
  const files = await parquetFiles(path, { pattern: /balanced_instructions.*\.parquet$/, split: "testdev" });
  const columns = ["id", "imageId", "question", "answer", "types"];
  for await (const { row } of parquetRows(files, columns, [])) {
    yield { ...questionOf(row.id("id"), row), images: [pictures(row.id("imageId"), row.at)] };
  }
};

export const gqa = defineBenchmark({
  name: "gqa",
  title: "GQA testdev-balanced",
  about:
    "GQA, 12,578 questions: GQA_TestDev_Balanced.tsv, lmms-lab's parquet, or testdev_balanced_questions.json with images",
  data: { tsv: tsvQuestions(), parquet, official: json },
  profiles: { "lmms-eval": lmmsEval, vlmevalkit, official },
});
