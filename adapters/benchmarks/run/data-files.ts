import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { regularFileChunks } from "../../../sdk/kit.ts";
import { reading } from "../kit/readers/reading.ts";

/** A file of a benchmark, as a run read it. */
export interface DataFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

const QUESTIONS = /\.(tsv|parquet|json|jsonl|csv|txt)$/;

/** The files that questions and answers are read from, without image files. @throws INVALID_DATA, IO_ERROR */
export const dataFiles = (path: string): Promise<DataFile[]> =>
  reading("the benchmark's files", path, () => filesAt(path));

async function filesAt(path: string): Promise<DataFile[]> {
  const folder = (await stat(path)).isDirectory();
  const names = folder ? (await readdir(path, { recursive: true })).filter((n) => QUESTIONS.test(n)).sort() : [""];
  const files: DataFile[] = [];
  for (const name of names) {
    const file = join(path, name);
    const { size } = await stat(file);
    files.push({ name: name === "" ? basename(path) : name, bytes: size, sha256: await sha256(file) });
  }
  return files;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of regularFileChunks(file)) hash.update(chunk);
  return hash.digest("hex");
}
