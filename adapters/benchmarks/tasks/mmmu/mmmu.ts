import { seededRandom } from "../../../../sdk/kit.ts";
import type { Answers, Judgement, Option, Profile, Question, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import {
  INTERNVL_TOKENS,
  judgeOption,
  LETTERS,
  LMMS_EVAL_STOP,
  LMMS_EVAL_TOKENS,
  meanScore,
  OPTION_LETTER,
  optionLines,
  parquetFiles,
  parquetRows,
  pythonList,
  type Row,
  SHORT_ANSWER,
  textSeed,
  tsvQuestions,
  vlmevalkitChoicePrompt,
  vlmevalkitOption,
} from "../../kit/index.ts";
import { mmmuChoice, mmmuChoiceLmmsEval } from "./choice.ts";
import { interleaved } from "./interleaved.ts";
import { mmmuOpenIsRight, mmmuOpenValues } from "./open-answer.ts";
import { mmmuCategories } from "./subjects.ts";

const DRAWN = "where none is found a letter is drawn, here by the question's id";

const LMMS_EVAL_PARSER = `(A), then "A ", then "A.", then an option's text, the last of several; ${DRAWN}`;

const lmmsEvalText = ({ text, options }: Question): string =>
  options.length > 0 ? `${text}\n${optionLines(options)}\n\n${OPTION_LETTER}` : `${text}\n\n${SHORT_ANSWER}`;

const lmmsEval: Profile = {
  protocol: {
    prompt: `the question, an option "A. text" a line, an empty line, "${OPTION_LETTER}", or "${SHORT_ANSWER}"`,
    parser: `up to an empty line: ${LMMS_EVAL_PARSER}`,
    formula: "share of right answers; open questions count as wrong, since the harness compares single characters",
    source: "lmms-eval 75571cf: lmms_eval/tasks/mmmu/utils.py, lmms_eval/tasks/_task_utils/mmmu_mcq_utils.py",
  },
  maxTokens: 128,
  stop: LMMS_EVAL_STOP,
  prompt: lmmsEvalText,
  judge(question, answer) {
    if (question.options.length > 0) return letterOrDrawn(question, mmmuChoiceLmmsEval(answer, question.options));
    return { parsed: String(mmmuOpenValues(answer)[0]), score: isEmptyAnswer(question) ? 1 : 0 };
  },
  score: meanScore("accuracy", "l2-category", "category"),
};

/** As its chat models ask (Qwen3-VL's, vLLM's, OpenAI's, ...): they leave `until` out, too. */
const lmmsEvalChat: Profile = {
  protocol: {
    ...lmmsEval.protocol,
    prompt: "that of lmms-eval, with each image where the text names it, instead of before it",
    parser: LMMS_EVAL_PARSER,
    source: `${lmmsEval.protocol.source}, \`mmmu_doc_to_messages\``,
  },
  maxTokens: lmmsEval.maxTokens,
  prompt: (question) => interleaved(lmmsEvalText(question), question.images.length),
  judge: lmmsEval.judge,
  score: lmmsEval.score,
};

/**
 * lmms-eval takes one of the parsed values as a text and compares its characters, one by one, with the answers. No
 * answer is shorter than two characters, so that only an empty one is found.
 */
const isEmptyAnswer = ({ answers }: Question): boolean => answers.some((answer) => answer.trim() === "");

const vlmevalkit: Profile = {
  protocol: {
    prompt: `the question, an option "A. text" a line, "${OPTION_LETTER}", or "Answer the question directly."`,
    parser:
      "a letter among the last five words, or an option's text; an open question becomes A: answer, B: Other Answers",
    formula: "share of right answers of the validation split",
    source: "VLMEvalKit e8e78f0: vlmeval/vlm/internvl/internvl_chat.py, utils.py, multiple_choice.py `MMMU_preproc`",
  },
  maxTokens: INTERNVL_TOKENS,
  prompt(question) {
    const prompt = vlmevalkitChoicePrompt(question);
    if (question.images.length < 2) return prompt;
    const images = question.images.flatMap((_, i) => [`Image-${i + 1}: `, i, "\n"]);
    return [...images, prompt];
  },
  judge(question, answer) {
    const options = isOpenTable(question) ? openOptions(question) : question.options;
    return judgeOption({ ...question, answers: [writtenLetter(question)] }, vlmevalkitOption(answer, options));
  },
  score: meanScore("accuracy", "l2-category", "category"),
};

/** `MMMU_preproc` takes a row whose A is missing for an open question, also one whose A is the text "None" or "NA". */
const isOpenTable = ({ options }: Question): boolean => options.every(({ letter }) => letter !== "A");

const openOptions = ({ options, answers, writtenAnswer }: Question): Option[] => [
  { letter: "A", text: writtenAnswer ?? answers[0] },
  { letter: "B", text: "Other Answers" },
  ...options.filter(({ letter }) => letter > "B"),
];

/** Then A is right, but where the answer is written as one letter: that letter, even if no option has it. */
const writtenLetter = ({ answers, writtenAnswer = answers[0] }: Question): string =>
  /^[A-Z]$/.test(writtenAnswer) ? writtenAnswer : "A";

const official: Profile = {
  protocol: {
    prompt: `the question, an option "(A) text" a line, an empty line, "${OPTION_LETTER}", or "${SHORT_ANSWER}"`,
    parser: `(A), then " A ", then an option's text, the last of several; ${DRAWN}; open answers by their key phrases and numbers`,
    formula: "share of right answers",
    source: "MMMU bb0b95a: mmmu/configs/llava1.5.yaml, mmmu/utils/data_utils.py, mmmu/utils/eval_utils.py",
  },
  maxTokens: LMMS_EVAL_TOKENS,
  prompt: ({ text, options }) =>
    options.length > 0
      ? `${text}\n${options.map((option) => `(${option.letter}) ${option.text}\n`).join("")}\n${OPTION_LETTER}`
      : `${text}\n${SHORT_ANSWER}`,
  judge(question, answer) {
    if (question.options.length > 0) return letterOrDrawn(question, mmmuChoice(answer, question.options));
    const values = mmmuOpenValues(answer);
    return { parsed: values.join(" | "), score: mmmuOpenIsRight(values, question.answers) ? 1 : 0 };
  },
  score: meanScore("accuracy", "l2-category", "category"),
};

function letterOrDrawn(question: Question, letter: string | null): Judgement {
  if (letter !== null) return judgeOption(question, letter);
  const draw = seededRandom(textSeed(question.id))();
  const drawn = question.options[Math.floor(draw * question.options.length)];
  return { ...judgeOption(question, drawn?.letter ?? null), drawn: true };
}

/** MMMU_DEV_VAL.tsv: the dev split is for prompts with examples and is left out. */
const tsv = tsvQuestions({
  columns: ["id", "split"],
  adapt(question, row) {
    if (row.text("split") === "dev") return null;
    return { ...question, ...answersOf(row, question.options.length > 0), categories: categoriesOf(row) };
  },
});

/** The hub's files, a folder a subject: options are a Python list, an image's column is named in the question. */
const parquet: QuestionReader = async function* ({ path }) {
  const columns = ["id", "question", "options", "answer", "question_type"];
  const imageColumns = [1, 2, 3, 4, 5, 6, 7].map((i) => `image_${i}`);
  const files = await parquetFiles(path, { pattern: /validation.*\.parquet$/, folders: true });
  for await (const { row, image } of parquetRows(files, columns, imageColumns)) {
    const texts = pythonList(row.text("options"));
    if (!texts) throw row.wrong("options", "a Python list of texts");
    const choice = row.oneOf("question_type", ["multiple-choice", "open"]) === "multiple-choice";
    const text = row.text("question");
    const named = new Set([text, ...(choice ? texts : [])].flatMap((part) => part.match(/<image \d+>/g) ?? []));
    yield {
      id: row.text("id"),
      at: row.at,
      text,
      images: [...named].sort().map((token) => image(token.slice(1, -1).replace(" ", "_"))),
      options: choice ? texts.map((option, i) => ({ letter: LETTERS[i] ?? "?", text: option })) : [],
      ...answersOf(row, choice),
      categories: categoriesOf(row),
    };
  }
};

/** An open question may have several answers, as a Python list. */
function answersOf(row: Row, choice: boolean): { answers: Answers; writtenAnswer: string } {
  const writtenAnswer = row.text("answer");
  const [first = writtenAnswer, ...more] = (choice ? null : pythonList(writtenAnswer)) ?? [];
  return { answers: [first, ...more], writtenAnswer };
}

function categoriesOf(row: Row) {
  const found = mmmuCategories(row.text("id"));
  if (!found) throw row.wrong("id", "split_Subject_number");
  return found;
}

export const mmmu = defineBenchmark({
  name: "mmmu",
  title: "MMMU val",
  about: "MMMU, 900 questions of 30 subjects: MMMU_DEV_VAL.tsv, or the hub's parquet files",
  data: { tsv, parquet },
  profiles: { "lmms-eval": lmmsEval, "lmms-eval-chat": lmmsEvalChat, vlmevalkit, official },
});
