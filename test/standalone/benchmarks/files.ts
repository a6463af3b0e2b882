import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  benchmarks,
  type Judged,
  type Option,
  openQuestions,
  type Question,
  type QuestionSource,
} from "../../../adapters/benchmarks/index.ts";
import { encodePng, readImage } from "../../../sdk/index.ts";

/** A PNG of one colour, whose red tells images apart. */
export const png = (red: number): Promise<Uint8Array> =>
  encodePng({ data: Uint8Array.from({ length: 36 }, (_, i) => (i % 3 === 0 ? red : 40)), width: 4, height: 3 });

export const base64Png = async (red: number): Promise<string> => Buffer.from(await png(red)).toString("base64");

/** Writes files, folders and all, below a folder. */
export async function writeTree(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

export const tsv = (...rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((row) => `${row.join("\t")}\n`).join("");

export const lines = (...rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

export const benchmark = (name: string) => benchmarks.find((one) => one.name === name)!;

export async function readAll(name: string, source: QuestionSource): Promise<Question[]> {
  const all: Question[] = [];
  for await (const question of (await openQuestions(benchmark(name), source)).questions()) all.push(question);
  return all;
}

export const promptOf = (name: string, profile: string, question: Question) =>
  benchmark(name).profiles[profile]!.prompt(question);

export const judge = (name: string, profile: string, question: Question, answer: string) =>
  benchmark(name).profiles[profile]!.judge(question, answer);

/** How harnesses end a question. */
export const LETTER = "Answer with the option's letter from the given choices directly.";
export const SHORT = "Answer the question using a single word or phrase.";

/** The small parquet files of a benchmark. */
export const parquet = (name: string): string =>
  fileURLToPath(new URL(`../../golden/benchmarks/${name}/parquet`, import.meta.url));

/** The first pixel's red of every question's images. */
export const reds = (questions: readonly Question[]) =>
  Promise.all(
    questions.map(({ images }) =>
      Promise.all(images.map(async (image) => (await readImage(await image.bytes())).data[0])),
    ),
  );

export const options = (...texts: string[]): Option[] => texts.map((text, i) => ({ letter: "ABCDE"[i]!, text }));

export const judged = (score: number, over: Partial<Judged> = {}): Judged => ({
  id: "1",
  answers: ["yes"],
  categories: {},
  parsed: null,
  score,
  ...over,
});
