import * as z from "zod";
import { parseOptions } from "../../sdk/kit.ts";
import type { Benchmark, Profile, QuestionReader } from "./benchmark.ts";

const callable = <T>() => z.custom<T>((value) => typeof value === "function");

/** A name of a folder as well, on every system. */
const NAME = /^[a-z0-9][\w.-]*$/i;

const profile = z.strictObject({
  protocol: z.strictObject({ prompt: z.string(), parser: z.string(), formula: z.string(), source: z.string() }),
  maxTokens: z.int().positive(),
  stop: z.array(z.string()).optional(),
  prompt: callable<Profile["prompt"]>(),
  judge: callable<Profile["judge"]>(),
  score: callable<Profile["score"]>(),
});

const reader = callable<QuestionReader>().optional();

const schema = z.strictObject({
  name: z.string().regex(NAME).describe('a name of letters, digits, ".", "_" and "-", such as "pope"'),
  title: z.string().min(1).describe("a text"),
  about: z.string().describe("a text"),
  data: z
    .strictObject({ tsv: reader, parquet: reader, official: reader })
    .refine((data) => Object.values(data).some((read) => read !== undefined))
    .describe("at least one of the readers tsv, parquet and official"),
  groupSize: z.int().positive().optional().describe("a whole number >= 1"),
  profiles: z
    .record(z.string().regex(NAME), profile)
    .refine((profiles) => Object.keys(profiles).length > 0)
    .describe("at least one profile, each with protocol, maxTokens, prompt, judge and score"),
});

/**
 * Checks a benchmark of your own and returns it. `runBenchmark` and `compareRuns` take it like the built-in ones.
 *
 * ```ts
 * const skies = defineBenchmark({
 *   name: "skies",
 *   title: "Skies",
 *   about: "Is the sky blue? A folder with questions.jsonl and the photos",
 *   data: {
 *     async *official({ path }) {
 *       for await (const row of jsonLines(join(path, "questions.jsonl"))) {
 *         yield {
 *           id: row.id("id"),
 *           at: row.at,
 *           text: row.text("question"),
 *           images: [fileImage(join(path, row.text("image")))],
 *           answers: [row.oneOf("answer", ["yes", "no"])],
 *           options: [],
 *           categories: {},
 *         };
 *       }
 *     },
 *   },
 *   profiles: {
 *     official: {
 *       protocol: { prompt: "the question", parser: "yes or no", formula: "share of right answers", source: "ours" },
 *       maxTokens: 16,
 *       prompt: ({ text }) => text,
 *       judge({ answers }, answer) {
 *         const parsed = yesNoWord(answer).toLowerCase();
 *         return { parsed, score: parsed === answers[0] ? 1 : 0 };
 *       },
 *       score: meanScore("accuracy"),
 *     },
 *   },
 * });
 * ```
 * @throws INVALID_ARGUMENT that names the field
 */
export function defineBenchmark<const B extends Benchmark>(benchmark: B): B {
  checkBenchmark(benchmark, "defineBenchmark");
  return benchmark;
}

/** @throws INVALID_ARGUMENT that names the field and `method` */
export function checkBenchmark(benchmark: unknown, method: string): asserts benchmark is Benchmark {
  parseOptions(schema, benchmark, method);
}
