import { existsSync } from "node:fs";
import { join } from "node:path";
import { expected, expectedBut } from "../../../../sdk/kit.ts";
import type { Profile, Question, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import {
  fileImage,
  INTERNVL_TOKENS,
  isYesOrNo,
  LLAVA_TOKENS,
  LMMS_EVAL_STOP,
  listFolder,
  parquetFiles,
  parquetRows,
  readText,
  SHORT_ANSWER,
  tsvQuestions,
  yesNoWord,
  yesOrNo,
} from "../../kit/index.ts";
import { COGNITION, mmeScore, PERCEPTION } from "./score.ts";
import { mmeOfficialYesNo, mmeYesNo } from "./yes-no.ts";

const REPLACED = " Please answer yes or no.";
const FORMULA = "a subtask's accuracy in percent plus the percent of images with both questions right; their sum";

const score = (parsed: string, { answers }: Question) => ({
  parsed,
  score: parsed.toLowerCase() === answers[0].trim().toLowerCase().replaceAll(".", "") ? 1 : 0,
});

const lmmsEval: Profile = {
  protocol: {
    prompt: `the question without "${REPLACED.trim()}", a line break, "${SHORT_ANSWER}"`,
    parser: "up to an empty line: the whole answer, its one letter, or yes and then no in its first four characters",
    formula: FORMULA,
    source: "lmms-eval 75571cf: lmms_eval/tasks/mme/mme.yaml, utils.py",
  },
  maxTokens: 16,
  stop: LMMS_EVAL_STOP,
  prompt: ({ text }) => `${text.trim().replaceAll(REPLACED, "")}\n${SHORT_ANSWER}`,
  judge: (question, answer) => score(mmeYesNo(answer), question),
  score: mmeScore,
};

const vlmevalkit: Profile = {
  protocol: {
    prompt: `the question, a space, "${SHORT_ANSWER}"`,
    parser: "the word yes or the word no, and not the other",
    formula: FORMULA,
    source: "VLMEvalKit e8e78f0: vlmeval/vlm/internvl/internvl_chat.py, vlmeval/dataset/utils/yorn.py",
  },
  maxTokens: INTERNVL_TOKENS,
  prompt: ({ text }) => `${text} ${SHORT_ANSWER}`,
  judge: (question, answer) => score(yesNoWord(answer), question),
  score: mmeScore,
};

const official: Profile = {
  protocol: {
    prompt: "the question as its file has it",
    parser: "the whole answer, or yes and then no in its first four characters",
    formula: FORMULA,
    source:
      "MME's eval_tool/calculation.py as LLaVA's docs/Evaluation.md uses it; its own code was not at hand to compare",
  },
  maxTokens: LLAVA_TOKENS,
  prompt: ({ text }) => text,
  judge: (question, answer) => score(mmeOfficialYesNo(answer), question),
  score: mmeScore,
};

const tsv = tsvQuestions({
  columns: ["category", "image_path"],
  adapt: (question, row) => ({
    ...question,
    answers: [yesOrNo(row, "answer")],
    group: `${question.categories.category}/${row.text("image_path")}`,
  }),
});

/** Two rows an image, which share its question_id. */
const parquet: QuestionReader = async function* ({ path }) {
  const seen = new Map<string, number>();
  const columns = ["question_id", "question", "answer", "category"];
  for await (const { row, image } of parquetRows(await parquetFiles(path, { split: "test" }), columns, ["image"])) {
    const category = row.text("category");
    const group = `${category}/${row.id("question_id")}`;
    const number = (seen.get(group) ?? 0) + 1;
    seen.set(group, number);
    yield {
      id: `${group}#${number}`,
      at: row.at,
      text: row.text("question"),
      images: [image("image")],
      answers: [yesOrNo(row, "answer")],
      options: [],
      group,
      categories: { category },
    };
  }
};

/** MME_Benchmark_release_version: a folder a subtask, a text file an image, "question <tab> answer" a line. */
const folders: QuestionReader = async function* ({ path }) {
  const subtasks = [...PERCEPTION, ...COGNITION].filter((name) => existsSync(join(path, name)));
  if (subtasks.length === 0) {
    throw expectedBut("INVALID_DATA", `folders named ${PERCEPTION.join(", ")}`, path, "a folder without");
  }
  for (const category of subtasks) {
    const folder = join(path, category);
    const split = existsSync(join(folder, "images"));
    const [texts, images] = split ? [join(folder, "questions_answers_YN"), join(folder, "images")] : [folder, folder];
    const pictures = new Map((await listFolder(images)).filter((n) => !n.endsWith(".txt")).map((n) => [stem(n), n]));
    for (const name of (await listFolder(texts)).filter((file) => file.endsWith(".txt"))) {
      const lines = (await readText(join(texts, name))).split(/\r?\n/).filter((line) => line.trim() !== "");
      for (const [i, line] of lines.entries()) {
        const at = `${join(category, name)}, line ${i + 1}`;
        const [text, answer, ...rest] = line.trim().split("\t");
        if (!text || !isYesOrNo(answer) || rest.length > 0) {
          throw expected("INVALID_DATA", "a question, a tab and Yes or No", at, line);
        }
        yield {
          id: `${category}/${stem(name)}#${i + 1}`,
          at,
          text,
          images: [fileImage(join(images, pictures.get(stem(name)) ?? `${stem(name)}.jpg`))],
          answers: [answer],
          options: [],
          group: `${category}/${stem(name)}`,
          categories: { category },
        };
      }
    }
  }
};

const stem = (file: string): string => file.replace(/\.[^.]*$/, "");

export const mme = defineBenchmark({
  name: "mme",
  title: "MME",
  about:
    "MME (perception, 10 subtasks; cognition where its files are there): MME.tsv, lmms-lab's parquet, or the release folder",
  groupSize: 2,
  data: { tsv, parquet, official: folders },
  profiles: { "lmms-eval": lmmsEval, vlmevalkit, official },
});
