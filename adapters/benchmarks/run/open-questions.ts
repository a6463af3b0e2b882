import { readdir, stat } from "node:fs/promises";
import { expectedBut } from "../../../sdk/kit.ts";
import type { Benchmark, BenchmarkData, Question, QuestionSource } from "../benchmark.ts";
import { reading } from "../kit/readers/reading.ts";

export type DataFormat = keyof BenchmarkData;

/**
 * The questions of a benchmark, one after the other, from a file or folder in any of its formats.
 * @throws INVALID_DATA for a path or a format that the benchmark has no reader for; while the questions are read, for
 *   whatever is wrong with them; IO_ERROR
 */
export async function openQuestions(
  { name, data }: Benchmark,
  source: QuestionSource,
): Promise<{ format: DataFormat; questions: () => AsyncIterable<Question> }> {
  const format = await formatOf(source.path);
  const reader = data[format];
  if (reader) return { format, questions: () => reader(source) };
  const formats = Object.keys(data).join(" or ");
  const received = `${source.path}, which is in the format ${format}`;
  throw expectedBut("INVALID_DATA", `files in the format ${formats}`, `the data of ${name}`, received);
}

/** By the name of a file, or of the files in a folder. */
async function formatOf(path: string): Promise<DataFormat> {
  const names = await reading("the benchmark's files", path, async () =>
    (await stat(path)).isFile() ? [path] : await readdir(path, { recursive: true }),
  );
  if (names.some((name) => name.endsWith(".tsv"))) return "tsv";
  return names.some((name) => name.endsWith(".parquet")) ? "parquet" : "official";
}
