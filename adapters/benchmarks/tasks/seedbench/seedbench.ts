import { dirname, join } from "node:path";
import type { Profile, Question, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import {
  fileImage,
  findFile,
  INTERNVL_TOKENS,
  jsonElements,
  judgeOption,
  LLAVA_TOKENS,
  LMMS_EVAL_TOKENS,
  letterAnswer,
  meanScore,
  OPTION_LETTER,
  optionLines,
  parquetFiles,
  parquetRows,
  pythonText,
  Row,
  tsvQuestions,
  vlmevalkitChoicePrompt,
  vlmevalkitOption,
} from "../../kit/index.ts";

const LETTERS = [..."ABCD"] as const;
const PROMPT = `the question, an option a line, "${OPTION_LETTER}"`;
const FORMULA = "share of right answers";
const prompt: Profile["prompt"] = ({ text, options }) => `${text}\n${optionLines(options)}\n${OPTION_LETTER}`;

const lmmsEval: Profile = {
  protocol: {
    prompt: PROMPT,
    parser: "the answer's first character, in either case",
    formula: FORMULA,
    source: "lmms-eval 75571cf: lmms_eval/tasks/seedbench/seedbench.yaml, utils.py (seed_image)",
  },
  maxTokens: LMMS_EVAL_TOKENS,
  stop: ["ASSISTANT:"],
  prompt,
  judge({ answers }, answer) {
    const parsed = [...pythonText.strip(answer)][0] ?? "";
    return { parsed, score: parsed.toLowerCase() === answers[0].toLowerCase() ? 1 : 0 };
  },
  score: meanScore("accuracy", "category"),
};

const vlmevalkit: Profile = {
  protocol: {
    prompt: PROMPT,
    parser: "a letter among the last five words, or an option's text; else wrong (exact_matching, without GPT)",
    formula: FORMULA,
    source: "VLMEvalKit e8e78f0: vlmeval/vlm/internvl/utils.py, vlmeval/utils/matching_util.py, multiple_choice.py",
  },
  maxTokens: INTERNVL_TOKENS,
  prompt: vlmevalkitChoicePrompt,
  judge: (question, answer) => judgeOption(question, vlmevalkitOption(answer, question.options)),
  score: meanScore("accuracy", "category"),
};

const official: Profile = {
  protocol: {
    prompt: PROMPT,
    parser: "the whole answer is the letter",
    formula: FORMULA,
    source:
      "LLaVA c121f04: scripts/convert_seed_for_submission.py (SEED-Bench's own script ranks options by likelihood)",
  },
  maxTokens: LLAVA_TOKENS,
  prompt,
  judge: (question, answer) => judgeOption(question, answer),
  score: meanScore("accuracy", "category"),
};

const questionOf = (row: Row, category: string): Omit<Question, "images"> => ({
  id: row.id("question_id"),
  at: row.at,
  text: row.text("question"),
  answers: [row.oneOf("answer", LETTERS)],
  options: LETTERS.map((letter) => ({ letter, text: row.id(`choice_${letter.toLowerCase()}`) })),
  categories: { category },
});

/** SEED-Bench.json, whose question_type names the categories; SEED-Bench-image/<data_id> beside it or in `images`. */
const json: QuestionReader = async function* ({ path, images }) {
  const file = await findFile(path, /SEED-Bench\.json$/, "SEED-Bench.json");
  const names = new Map<string, string>();
  for await (const { key, value } of jsonElements(file, "question_type")) names.set(String(value), String(key));
  for await (const { at, value } of jsonElements(file, "questions")) {
    const row = new Row(at, value);
    if (row.oneOf("data_type", ["image", "video"]) === "video") continue;
    const type = row.id("question_type_id");
    const folder = images ?? join(dirname(file), "SEED-Bench-image");
    yield { ...questionOf(row, names.get(type) ?? type), images: [fileImage(join(folder, row.text("data_id")))] };
  }
};

const parquet: QuestionReader = async function* ({ path }) {
  const choices = LETTERS.map((letter) => `choice_${letter.toLowerCase()}`);
  const columns = ["question_id", "question", "answer", "data_type", "question_type_id", ...choices];
  for await (const { row, image } of parquetRows(await parquetFiles(path, { split: "test" }), columns, ["image"])) {
    if (row.oneOf("data_type", ["image", "video"]) === "video") continue;
    yield { ...questionOf(row, row.id("question_type_id")), images: [image("image")] };
  }
};

export const seedbench = defineBenchmark({
  name: "seedbench",
  title: "SEED-Bench images",
  about:
    "SEED-Bench's 14,233 questions about images: SEEDBench_IMG.tsv, lmms-lab's parquet, or SEED-Bench.json with its images",
  data: { tsv: tsvQuestions({ columns: [...LETTERS], adapt: letterAnswer }), parquet, official: json },
  profiles: { "lmms-eval": lmmsEval, vlmevalkit, official },
});
