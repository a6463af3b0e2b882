import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Profile, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import { allRight, fileImage, findFile, jsonLines, listFolder, mean, meanScore, pythonText } from "../../kit/index.ts";

const ORDERS = 6;
const QUESTION = "Is this true? Answer yes or no.";

const official: Profile = {
  protocol: {
    prompt: `the sentence, a line break, "${QUESTION}"`,
    parser: "the first of the words yes, true, no, false",
    formula: "share of images answered rightly, six a sentence; and of sentences with all six right",
    source: "NLVR's README: one prediction an image; the prompt is this package's, since the authors' models take none",
  },
  maxTokens: 16,
  prompt: ({ text }) => `${text}\n${QUESTION}`,
  judge({ answers }, answer) {
    const all = pythonText.words(answer.toLowerCase().replaceAll(/[^a-z]+/g, " "));
    const first = all.find((word) => ["yes", "true", "no", "false"].includes(word));
    const parsed = first === undefined ? null : first === "yes" || first === "true" ? "true" : "false";
    return { parsed, score: parsed === answers[0] ? 1 : 0 };
  },
  score: (groups) => ({
    ...meanScore("accuracy", "label")(groups),
    "all six orders right": 100 * mean(groups.map(allRight)),
  }),
};

/** dev.json or hidden.json, an object a line; images/<directory>/<split>-<identifier>-<0 to 5>.png beside it. */
const jsonl: QuestionReader = async function* ({ path, images }) {
  const file = await findFile(path, /^(train|dev|test|hidden)\.json$/, "dev.json or hidden.json");
  const split = basename(file, ".json");
  const folder = images ?? join(dirname(file), "images");
  const paths = await imagePaths(folder);
  for await (const row of jsonLines(file)) {
    const identifier = row.text("identifier");
    const label = row.oneOf("label", ["true", "false"]);
    const directory = row.optionalText("directory") ?? "";
    for (let order = 0; order < ORDERS; order++) {
      const image = `${split}-${identifier}-${order}.png`;
      yield {
        id: `${split}-${identifier}-${order}`,
        at: row.at,
        text: row.text("sentence"),
        images: [fileImage(paths.get(image) ?? join(folder, directory, image))],
        answers: [label],
        options: [],
        group: `${split}-${identifier}`,
        categories: { label },
      };
    }
  }
};

/** By name: hidden.json does not say where its images lie, and the six of a sentence need not lie in one folder. */
async function imagePaths(folder: string): Promise<Map<string, string>> {
  const files = existsSync(folder) ? await listFolder(folder, { recursive: true }) : [];
  return new Map(files.filter((file) => file.endsWith(".png")).map((file) => [basename(file), join(folder, file)]));
}

export const nlvr = defineBenchmark({
  name: "nlvr",
  title: "NLVR",
  about:
    "NLVR, true and false sentences about three boxes, six orders of them each: a folder with dev.json or hidden.json",
  data: { official: jsonl },
  groupSize: ORDERS,
  profiles: { official },
});
