import { join } from "node:path";
// Someone else's file: "vqrae/benchmarks" is all that it imports of this package.
import {
  defineBenchmark,
  fileImage,
  type Group,
  jsonLines,
  type Metrics,
  meanScore,
  pythonText,
} from "../../../../adapters/benchmarks/index.ts";

/** Counting: questions.jsonl and images/ in a folder. An answer that is off by one is half right. */
export default defineBenchmark({
  name: "counting",
  title: "Counting",
  about: "How many dots are there? A folder with questions.jsonl and images/",
  data: {
    async *official({ path, images = join(path, "images") }) {
      for await (const row of jsonLines(join(path, "questions.jsonl"))) {
        yield {
          id: row.id("id"),
          at: row.at,
          text: row.text("question"),
          images: [fileImage(join(images, row.text("image")))],
          answers: [String(row.integer("count"))],
          options: [],
          categories: { size: row.integer("count") > 3 ? "many" : "few" },
        };
      }
    },
  },
  profiles: {
    exact: {
      protocol: { prompt: "the question", parser: "a number", formula: "share of equal numbers", source: "ours" },
      maxTokens: 8,
      prompt: ({ text }) => text,
      judge({ answers }, answer) {
        const parsed = pythonText.float(answer);
        return { parsed: parsed === null ? null : String(parsed), score: parsed === Number(answers[0]) ? 1 : 0 };
      },
      score: meanScore("accuracy", "size"),
    },
    lenient: {
      protocol: { prompt: "the question", parser: "a number", formula: "off by one is half right", source: "ours" },
      maxTokens: 8,
      prompt: ({ text }) => [0, text],
      judge({ answers }, answer) {
        const off = Math.abs((pythonText.float(answer) ?? Number.POSITIVE_INFINITY) - Number(answers[0]));
        return { parsed: answer, score: Math.max(0, 1 - off / 2) };
      },
      score: (groups: readonly Group[]): Metrics => ({
        points: groups.flat().reduce((sum, { score }) => sum + score, 0),
      }),
    },
  },
});
