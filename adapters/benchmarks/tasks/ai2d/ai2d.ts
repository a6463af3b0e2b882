import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Profile, Question, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import {
  exactMatchForm,
  fileImage,
  findFiles,
  INTERNVL_TOKENS,
  judgeOption,
  LETTERS,
  LMMS_EVAL_STOP,
  letterAnswer,
  meanScore,
  OPTION_LETTER,
  optionLines,
  parquetFiles,
  parquetRows,
  parseJson,
  pythonText,
  Row,
  readText,
  tsvQuestions,
  vlmevalkitChoicePrompt,
  vlmevalkitOption,
} from "../../kit/index.ts";

const PROMPT = `the question, an option a line, "${OPTION_LETTER}"`;

const lmmsEval: Profile = {
  protocol: {
    prompt: PROMPT,
    parser:
      "up to an empty line: a letter with a full stop at the answer's start, else the whole answer; case and punctuation ignored",
    formula: "share of answers that are equal to the letter",
    source: "lmms-eval 75571cf: lmms_eval/tasks/ai2d/ai2d.yaml, utils.py, lmms_eval/api/metrics.py",
  },
  maxTokens: 16,
  stop: LMMS_EVAL_STOP,
  prompt: ({ text, options }) => `${text}\n${optionLines(options)}\n${OPTION_LETTER}`,
  judge({ answers }, answer) {
    const letter = exactMatchForm(/^([A-Z])\./.exec(pythonText.strip(answer))?.[1] ?? answer);
    return { parsed: letter, score: letter === exactMatchForm(answers[0]) ? 1 : 0 };
  },
  score: meanScore("accuracy", "category"),
};

const vlmevalkit: Profile = {
  protocol: {
    prompt: PROMPT,
    parser: "a letter among the last five words, or an option's text; else wrong (exact_matching, without GPT)",
    formula: "share of right answers",
    source: "VLMEvalKit e8e78f0: vlmeval/vlm/internvl/utils.py, vlmeval/utils/matching_util.py, multiple_choice.py",
  },
  maxTokens: INTERNVL_TOKENS,
  prompt: vlmevalkitChoicePrompt,
  judge: (question, answer) => judgeOption(question, vlmevalkitOption(answer, question.options)),
  score: meanScore("accuracy", "category"),
};

function optionsOf(row: Row, listField: string, answerField: string): Pick<Question, "options" | "answers"> {
  const options = row.texts(listField).map((text, i) => ({ letter: LETTERS[i] ?? "?", text }));
  const answer = options[row.integer(answerField)]?.letter;
  if (answer === undefined) throw row.wrong(answerField, `the number of one of ${options.length} options`);
  return { options, answers: [answer] };
}

const parquet: QuestionReader = async function* ({ path }) {
  let number = 0;
  for await (const { row, image } of parquetRows(
    await parquetFiles(path, { split: "test" }),
    ["question", "options", "answer"],
    ["image"],
  )) {
    number++;
    yield {
      id: String(number),
      at: row.at,
      text: row.text("question"),
      images: [image("image")],
      ...optionsOf(row, "options", "answer"),
      categories: {},
    };
  }
};

/**
 * The authors' folder: questions/<image>.json and images/<image>; only the images of ai2d_test_ids.csv if it is there.
 */
const folders: QuestionReader = async function* ({ path, images }) {
  const tested = join(path, "ai2d_test_ids.csv");
  const ids = existsSync(tested) ? new Set((await readText(tested)).split(/\s+/)) : null;
  const files = await findFiles(path, /questions\/[^/]*\.json$/, "questions/*.json");
  for (const file of files) {
    const sheet = new Row(file, parseJson(await readText(file), file));
    const name = sheet.text("imageName");
    if (ids && !ids.has(name.replace(/\.[^.]*$/, ""))) continue;
    const folder = images ?? join(dirname(dirname(file)), "images");
    for (const [text, value] of Object.entries(sheet.raw("questions") ?? {})) {
      const row = new Row(`${file}, question ${JSON.stringify(text)}`, value);
      yield {
        id: row.id("questionId"),
        at: row.at,
        text,
        images: [fileImage(join(folder, name))],
        ...optionsOf(row, "answerTexts", "correctAnswer"),
        categories: {},
      };
    }
  }
};

export const ai2d = defineBenchmark({
  name: "ai2d",
  title: "AI2D test",
  about:
    "AI2D, 3,088 questions about diagrams: AI2D_TEST.tsv or its NO_MASK, lmms-lab's parquet, or the authors' folder",
  data: { tsv: tsvQuestions({ columns: ["A", "B"], adapt: letterAnswer }), parquet, official: folders },
  profiles: { "lmms-eval": lmmsEval, vlmevalkit },
});
