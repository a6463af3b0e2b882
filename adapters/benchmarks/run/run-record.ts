import * as z from "zod";
import { expectedBut, writeWhole } from "../../../sdk/kit.ts";
import type { Protocol } from "../benchmark.ts";
import { parseJson } from "../kit/index.ts";
import type { DataFile } from "./data-files.ts";
import { readIfThere } from "./read-if-there.ts";

/**
 * run.json: what a results folder holds answers to. A folder goes on only with a run that is the same in all of it.
 */
export interface RunRecord {
  readonly benchmark: string;
  readonly profile: string;
  /** How it was asked, read and scored, in words. */
  readonly protocol: Protocol;
  /** The model's id. */
  readonly model: string;
  readonly maxTokens: number;
  /** How many questions were to be asked; null for all. */
  readonly limit: number | null;
  readonly questions: number;
  /** Names of files, without the folder that they lay in. */
  readonly data: readonly DataFile[];
}

const schema = z.object({
  benchmark: z.string(),
  profile: z.string(),
  protocol: z.object({ prompt: z.string(), parser: z.string(), formula: z.string(), source: z.string() }),
  model: z.string(),
  maxTokens: z.number(),
  limit: z.number().nullable(),
  questions: z.number(),
  data: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
});

/** @throws INVALID_DATA if there is none, or it is damaged; IO_ERROR */
export async function readRunRecord(path: string): Promise<RunRecord> {
  const text = await readIfThere(path);
  if (text === null) throw expectedBut("INVALID_DATA", "a results folder", path, "nothing there", { path });
  return recordOf(text, path);
}

/** @throws INVALID_DATA if the folder holds another run's record; IO_ERROR */
export async function keepRunRecord(path: string, record: RunRecord): Promise<void> {
  const text = await readIfThere(path);
  if (text === null) return writeJson(path, record);
  const kept = recordOf(text, path);
  const changed = schema.keyof().options.filter((name) => JSON.stringify(kept[name]) !== JSON.stringify(record[name]));
  if (changed.length === 0) return;
  const received = `one with another ${changed.join(", ")}`;
  const mend = "Take another results folder, or delete this one.";
  throw expectedBut("INVALID_DATA", "the record of this run", path, received, { mend, path });
}

function recordOf(text: string, path: string): RunRecord {
  const result = schema.safeParse(parseJson(text, path));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const received = `${issue?.path.join(".")}: ${issue?.message}`;
  throw expectedBut("INVALID_DATA", "the record of a run", path, received, { path });
}

/** Writes all of it or nothing. @throws IO_ERROR */
export const writeJson = (path: string, value: unknown): Promise<void> =>
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
