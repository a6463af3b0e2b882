import { join } from "node:path";
import * as z from "zod";
import { expectedBut } from "../../../sdk/kit.ts";
import type { Group, Judged } from "../benchmark.ts";
import { groupInOrder, jsonLines } from "../kit/index.ts";
import { readIfThere } from "../run/read-if-there.ts";
import { type RunRecord, readRunRecord } from "../run/run-record.ts";

/** A finished run, as its results folder has it. */
export interface Run {
  readonly folder: string;
  readonly record: RunRecord;
  readonly groups: readonly Group[];
}

const schema = z.object({
  group: z.number(),
  id: z.string(),
  answers: z.tuple([z.string()], z.string()),
  categories: z.record(z.string(), z.string()),
  parsed: z.string().nullable(),
  score: z.number(),
  drawn: z.boolean().optional(),
});

/** @throws INVALID_DATA for a folder that is unfinished or damaged; IO_ERROR */
export async function readRun(folder: string): Promise<Run> {
  const record = await readRunRecord(join(folder, "run.json"));
  const path = join(folder, "judgements.jsonl");
  if ((await readIfThere(path)) === null) {
    const mend = "Run the benchmark again: it goes on where it stopped.";
    throw expectedBut("INVALID_DATA", "a finished run", folder, "one without judgements.jsonl", { mend, path: folder });
  }
  const judgements: Judged[] = [];
  const groups = new Map<string, string>();
  for await (const row of jsonLines(path)) {
    const result = schema.safeParse(row.fields);
    if (!result.success) throw expectedBut("INVALID_DATA", "a judgement", row.at, z.prettifyError(result.error));
    const { group, ...judged } = result.data;
    judgements.push(judged);
    groups.set(judged.id, String(group));
  }
  if (groups.size !== record.questions || judgements.length !== record.questions) {
    const count = `${judgements.length} of ${groups.size} questions`;
    throw expectedBut("INVALID_DATA", `${record.questions} judgements`, path, count, { path });
  }
  return { folder, record, groups: [...groupInOrder(judgements, ({ id }) => groups.get(id)).values()] };
}
