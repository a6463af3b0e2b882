/**
 * Prints how often a classifier's first class, and one of its first five, is the right one:
 *
 *   node scripts/evaluate-classifier.ts --images photos --truth truth.tsv [--model deit-tiny]
 *
 * --truth: `file TAB label` a line. The label is one of the model's own, whole. Intervals are Wald's, 95 %.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { VQRAE } from "../sdk/index.ts";
import { environment } from "./lib/environment.ts";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "." },
    truth: { type: "string" },
    model: { type: "string", default: "deit-tiny" },
  },
});
if (!values.truth) throw new Error("Expected --truth, a table of files and their labels.");
const rows = (await readFile(values.truth, "utf8"))
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => line.split("\t"));
const model = await VQRAE.load(values.model);
const strange = rows.find(([, label]) => !model.labels?.includes(label!));
if (strange) throw new Error(`Expected a label of ${values.model} for ${strange[0]} but received ${strange[1]}.`);

/** For each image the place of the right class, from 0. */
const places: number[] = [];
for (const [file, label] of rows) {
  const classes = await model.classify(join(values.images, file!), { count: 5 });
  places.push(classes.findIndex((found) => found.label === label));
}
await model.dispose();
console.log(`${await environment()}\n\n| ${values.model} on ${rows.length} images | right | 95 % |\n|---|---|---|`);
for (const [name, count] of [
  ["first class", 1],
  ["first five", 5],
] as const) {
  const right = places.filter((place) => place >= 0 && place < count).length / places.length;
  const margin = 1.96 * Math.sqrt((right * (1 - right)) / places.length);
  console.log(`| ${name} | ${percent(right)} | ${percent(right - margin)} to ${percent(right + margin)} |`);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
