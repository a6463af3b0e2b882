import * as z from "zod";
import { expectedBut, readJsonObject } from "../../sdk/kit.ts";

const digest = z.object({ bytes: z.number(), sha256: z.string() });

const statsSchema = z.object({
  shard: z.string(),
  source: z.object({ path: z.string(), fingerprint: z.string() }),
  /** Rows: one for each image of the input. */
  images: z.number(),
  /** Rows without ids or features. */
  errors: z.number(),
  /** How many images were lost to each error. */
  errorCounts: z.record(z.string(), z.number()),
  /** Members of the input that are no images. */
  otherMembers: z.number(),
  /** The input ends in the middle, or has damaged parts that were passed over. */
  damaged: z.boolean(),
  /** How often each code was used; null without ids. */
  codes: z.array(z.number()).nullable(),
  files: z.object({ parquet: digest, tar: digest.optional(), npy: digest.optional() }),
  /** Who made it and when: the only part that another run has otherwise. */
  run: z.object({ seconds: z.number(), host: z.string(), pid: z.number(), finished: z.string() }),
});

/** The commit record of a shard: it is written last, and a shard is done where it is there. */
export type ShardStats = z.infer<typeof statsSchema>;

/** @throws INVALID_DATA, IO_ERROR */
export async function readStats(path: string): Promise<ShardStats> {
  const result = statsSchema.safeParse(await readJsonObject(path, "INVALID_DATA"));
  if (result.success) return result.data;
  const field = result.error.issues[0]?.path.join(".") ?? "";
  throw expectedBut("INVALID_DATA", "the record of a shard", path, `another value of ${field}`, { path });
}
