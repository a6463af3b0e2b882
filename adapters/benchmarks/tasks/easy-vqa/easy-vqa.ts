import { dirname, join } from "node:path";
import type { Profile, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import { fileImage, findFiles, jsonElements, meanScore, pythonText, Row } from "../../kit/index.ts";

const YES_NO = ["yes", "no"];
const SHAPES = ["circle", "rectangle", "triangle"];

const official: Profile = {
  protocol: {
    prompt: "the question as it is",
    parser: "lower case, without outer space and a full stop at the end",
    formula: "share of equal answers (the authors' models choose among the 13 answers)",
    source: "vzhou842/easy-VQA 3b553bb; no harness has it",
  },
  maxTokens: 16,
  prompt: ({ text }) => text,
  judge({ answers }, answer) {
    const parsed = pythonText.strip(answer.toLowerCase()).replace(/\.$/, "");
    return { parsed, score: parsed === answers[0] ? 1 : 0 };
  },
  score: meanScore("accuracy", "kind"),
};

/** questions.json of a split, a list of [question, answer, number of the image]; images/<number>.png beside it. */
const json: QuestionReader = async function* ({ path, images }) {
  for (const file of await findFiles(path, /^questions\.json$/, "questions.json")) {
    let number = 0;
    for await (const { at, value } of jsonElements(file, null)) {
      const [question, answer, image] = Array.isArray(value) ? value : [];
      const row = new Row(at, { question, answer, image });
      const right = row.text("answer");
      yield {
        id: String(number++),
        at,
        text: row.text("question"),
        images: [fileImage(join(images ?? join(dirname(file), "images"), `${row.integer("image")}.png`))],
        answers: [right],
        options: [],
        categories: { kind: YES_NO.includes(right) ? "yes or no" : SHAPES.includes(right) ? "shape" : "colour" },
      };
    }
  }
};

export const easyVqa = defineBenchmark({
  name: "easy-vqa",
  title: "easy-VQA test",
  about: "easy-VQA, 9,673 questions about one shape in 64 x 64 pixels: the folder of its test split",
  data: { official: json },
  profiles: { official },
});
