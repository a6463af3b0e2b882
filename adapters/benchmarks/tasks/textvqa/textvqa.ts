import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expectedBut } from "../../../../sdk/kit.ts";
import type { Profile, Question, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import {
  evalAiAnswer,
  fileImage,
  findFile,
  INTERNVL_TOKENS,
  jsonElements,
  jsonLines,
  LLAVA_TOKENS,
  LMMS_EVAL_TOKENS,
  meanScore,
  parquetFiles,
  parquetRows,
  pythonList,
  Row,
  SHORT_ANSWER,
  tsvQuestions,
  vlmevalkitAnswer,
  vqaAccuracy,
} from "../../kit/index.ts";

const FORMULA =
  "for each person's answer, a third for each other person who gave the model's answer, at most 1; the mean";
const judgeWith =
  (normalize: (answer: string) => string): Profile["judge"] =>
  ({ answers }, answer) => {
    const parsed = normalize(answer);
    return { parsed, score: vqaAccuracy(parsed, answers.map(normalize)) };
  };

const lmmsEval: Profile = {
  protocol: {
    prompt: `the question capitalized as a sentence, a line break, "${SHORT_ANSWER}"; no OCR`,
    parser: "EvalAI's: lower case, numbers as digits, no articles, no punctuation",
    formula: FORMULA,
    source: "lmms-eval 75571cf: lmms_eval/tasks/textvqa/utils.py, lmms_eval/tasks/_task_utils/vqa_eval_metric.py",
  },
  maxTokens: LMMS_EVAL_TOKENS,
  stop: ["ASSISTANT:"],
  prompt: ({ text }) => `${capitalized(text)}\n${SHORT_ANSWER}`,
  judge: judgeWith(evalAiAnswer),
  score: meanScore("accuracy"),
};

const vlmevalkit: Profile = {
  protocol: {
    prompt: `the question, a line break, "${SHORT_ANSWER}"; no OCR`,
    parser: "VQA's: lower case, numbers as digits, no articles, no punctuation; periods beside digits stay",
    formula: FORMULA,
    source: "VLMEvalKit e8e78f0: vlmeval/vlm/internvl/internvl_chat.py, vlmeval/dataset/utils/vqa_eval.py",
  },
  maxTokens: INTERNVL_TOKENS,
  prompt: ({ text }) => `${text}\n${SHORT_ANSWER}`,
  judge: judgeWith(vlmevalkitAnswer),
  score: meanScore("accuracy"),
};

const official: Profile = {
  protocol: {
    prompt: `the question, "Reference OCR token: ...", "${SHORT_ANSWER}", a line each (LLaVA 1.5's published figures)`,
    parser: "EvalAI's: lower case, numbers as digits, no articles, no punctuation",
    formula: FORMULA,
    source: "LLaVA c121f04: scripts/v1_5/eval/textvqa.sh, llava/eval/m4c_evaluator.py",
  },
  maxTokens: LLAVA_TOKENS,
  prompt({ text, ocrTokens, at }) {
    if (ocrTokens) return `${text}\nReference OCR token: ${ocrTokens.join(", ")}\n${SHORT_ANSWER}`;
    throw expectedBut(
      "INVALID_DATA",
      "OCR tokens",
      at,
      "a question without",
      `Put ${OCR_FILE} beside the questions, or take another profile.`,
    );
  },
  judge: judgeWith(evalAiAnswer),
  score: meanScore("accuracy"),
};

/** `str.capitalize()` */
function capitalized(text: string): string {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

const OCR_FILE = "llava_textvqa_val_v051_ocr.jsonl";

/**
 * TextVQA_0.5.1_val.json; train_images/<image_id>.jpg beside it or in `images`; LLaVA's OCR tokens if they are there.
 */
const json: QuestionReader = async function* ({ path, images }) {
  const file = await findFile(path, /TextVQA_[\d.]+_val\.json$/, "TextVQA_0.5.1_val.json");
  const tokens = await ocrTokens(join(dirname(file), OCR_FILE));
  const folder = images ?? join(dirname(file), "train_images");
  for await (const { at, value } of jsonElements(file, "data")) {
    const row = new Row(at, value);
    const text = row.text("question");
    yield {
      id: row.id("question_id"),
      at,
      text,
      images: [fileImage(join(folder, `${row.id("image_id")}.jpg`))],
      answers: row.texts("answers"),
      options: [],
      ocrTokens: tokens?.get(`${row.id("image_id")} ${text.toLowerCase()}`),
      categories: {},
    };
  }
};

/** LLaVA's question file has the tokens in the prompt's second line. */
async function ocrTokens(file: string): Promise<Map<string, string[]> | null> {
  if (!existsSync(file)) return null;
  const found = new Map<string, string[]>();
  for await (const row of jsonLines(file)) {
    const [question = "", reference = ""] = row.text("text").split("\n");
    const tokens = /^Reference OCR token: (.*)$/.exec(reference)?.[1];
    if (tokens === undefined) throw row.wrong("text", 'a second line "Reference OCR token: ..."');
    found.set(`${row.id("question_id")} ${question.toLowerCase()}`, tokens.split(", "));
  }
  return found;
}

const parquet: QuestionReader = async function* ({ path }) {
  const columns = ["question_id", "question", "answers"];
  for await (const { row, image } of parquetRows(await parquetFiles(path, { split: "validation" }), columns, [
    "image",
  ])) {
    const tokens = row.raw("ocr_tokens");
    yield {
      id: row.id("question_id"),
      at: row.at,
      text: row.text("question"),
      images: [image("image")],
      answers: row.texts("answers"),
      options: [],
      ocrTokens: Array.isArray(tokens) ? tokens.map(String) : undefined,
      categories: {},
    };
  }
};

/** The answers are a Python list; one answer alone could never be right, since nobody else gave it. */
const listed = (question: Question, row: Row): Question => {
  const [first, ...others] = pythonList(row.text("answer")) ?? [];
  if (first === undefined || others.length === 0) throw row.wrong("answer", "a Python list of people's answers");
  return { ...question, answers: [first, ...others] };
};

export const textvqa = defineBenchmark({
  name: "textvqa",
  title: "TextVQA val",
  about: "TextVQA, 5,000 questions: TextVQA_VAL.tsv, lmms-lab's parquet, or TextVQA_0.5.1_val.json with train_images",
  data: { tsv: tsvQuestions({ adapt: listed }), parquet, official: json },
  profiles: { "lmms-eval": lmmsEval, vlmevalkit, official },
});
