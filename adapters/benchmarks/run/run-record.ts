import { readFile } from "node:fs/promises";
import { z } from "zod";
import { expectedBut, replaceFile } from "../../../sdk/kit.ts";
import { parseJson } from "../kit/readers/parse-json.ts";

const schema = z.object({
  benchmark: z.string(),
  profile: z.enum(["lmms-eval", "vlmevalkit", "official"]),
  /** How it was asked, read and scored, in words. */
  protocol: z.object({ prompt: z.string(), parser: z.string(), formula: z.string(), source: z.string() }),
  model: z.string(),
  maxTokens: z.number(),
  /** Only the first groups of questions; null for all. */
  limit: z.number().nullable(),
  questions: z.number(),
  /** Names of files, without the folder that they lay in. */
  data: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
});

/** run.json: what a results folder holds answers to. A folder goes on only with a run that is the same in all of it. */
export type RunRecord = z.infer<typeof schema>;

/** @throws INVALID_DATA where there is none, or it is damaged */
export async function readRunRecord(path: string): Promise<RunRecord> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw expectedBut("INVALID_DATA", "a results folder", path, cause.message, { cause });
  });
  const result = schema.safeParse(parseJson(text, path));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw expectedBut("INVALID_DATA", "the record of a run", path, `${issue?.path.join(".")}: ${issue?.message}`);
}

/** @throws INVALID_DATA where the folder holds another run's record */
export async function keepRunRecord(path: string, record: RunRecord): Promise<void> {
  const exists = await readFile(path).then(
    () => true,
    () => false,
  );
  if (!exists) return writeJson(path, record);
  const kept = await readRunRecord(path);
  const changed = (Object.keys(record) as (keyof RunRecord)[]).filter(
    (name) => JSON.stringify(kept[name]) !== JSON.stringify(record[name]),
  );
  if (changed.length === 0) return;
  const received = `one with another ${changed.join(", ")}`;
  const mend = "Take another results folder, or delete this one.";
  throw expectedBut("INVALID_DATA", "the record of this run", path, received, mend);
}

/** Writes all of it or nothing. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, (file) => file.write(Buffer.from(`${JSON.stringify(value, null, 2)}\n`), 0));
}
