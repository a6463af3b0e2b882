import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { createFile, expectedBut, isFile, onDisk, readJsonObject, writeWhole } from "../../sdk/kit.ts";
import { CROPS } from "./crops.ts";
import { readStats, type ShardStats } from "./shard-stats.ts";
import { settingsHash, type TokenizeSpec } from "./tokenize-options.ts";

/** The version of what lies in an output folder. */
const FORMAT = 1;

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  model: z.object({ id: z.string(), sha256: z.string() }),
  options: z.object({
    sha256: z.string(),
    values: z.object({
      crops: z.enum(CROPS),
      cropRange: z.number(),
      ids: z.boolean(),
      features: z.enum(["pooled", "whole"]).nullable(),
      tar: z.boolean(),
      npy: z.boolean(),
      maxPixels: z.number().nullable(),
      device: z.string(),
      precision: z.string(),
    }),
  }),
  /** Names of all shards that were ever asked for. */
  inputs: z.array(z.string()),
  /** What the last merge found. */
  merged: z
    .object({
      complete: z.boolean(),
      images: z.number(),
      errors: z.number(),
      codesUsed: z.number().nullable(),
      shards: z.array(
        z.object({ name: z.string(), images: z.number(), errors: z.number(), bytes: z.number(), sha256: z.string() }),
      ),
    })
    .optional(),
});

/** What an output folder holds: model and options, which never change, and the shards. */
export type Manifest = z.infer<typeof manifestSchema>;

export const manifestPath = (output: string): string => join(output, "manifest.json");
export const shardFile = (output: string, name: string, ending: string): string =>
  join(output, "shards", `${name}${ending}`);

/** The manifest of an output folder; null where there is none yet. @throws INVALID_DATA, IO_ERROR */
export async function readManifest(output: string): Promise<Manifest | null> {
  const path = manifestPath(output);
  if (!(await isFile(path))) return null;
  const result = manifestSchema.safeParse(await readJsonObject(path, "INVALID_DATA"));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const received = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`;
  throw expectedBut("INVALID_DATA", "a manifest of this version", path, received, { path });
}

/**
 * Makes the output's folders and its manifest, or compares with the one that is there.
 * @throws INCOMPATIBLE where model or options differ, with both named; IO_ERROR
 */
export async function openManifest(output: string, spec: TokenizeSpec, inputs: readonly string[]): Promise<void> {
  for (const folder of ["shards", "dead"]) {
    await onDisk(join(output, folder), () => mkdir(join(output, folder), { recursive: true }));
  }
  const options = { sha256: settingsHash(spec.settings), values: spec.settings };
  const own: Manifest = { format: FORMAT, model: spec.model, options, inputs: [...inputs].sort() };
  const path = manifestPath(output);
  const bytes = Buffer.from(jsonOf(own));
  if ((await readManifest(output)) === null && (await createFile(path, (file) => file.write(bytes, 0)))) return;
  const there = await readManifest(output);
  if (there === null) throw expectedBut("IO_ERROR", "the manifest that was made", path, "nothing there", { path });
  requireSame(output, "model", `${there.model.id} ${there.model.sha256}`, `${own.model.id} ${own.model.sha256}`);
  if (there.options.sha256 !== options.sha256) {
    requireSame(output, "options", described(there.options), described(options));
  }
  const all = [...new Set([...there.inputs, ...inputs])].sort();
  if (all.length > there.inputs.length) await writeWhole(path, jsonOf({ ...there, inputs: all }));
}

/**
 * Writes what all shards hold together into the manifest. The same shards give the same file, whoever merges and how often.
 * @throws INVALID_DATA for a folder without a manifest, IO_ERROR
 */
export async function mergeManifest(output: string): Promise<Manifest> {
  const manifest = await readManifest(output);
  const path = manifestPath(output);
  if (manifest === null) throw expectedBut("INVALID_DATA", "a folder of tokens", output, "no manifest.json", { path });
  const counts: number[] = [];
  const found: ShardStats[] = [];
  for (const name of await doneShards(output)) {
    const { codes, ...stats } = await readStats(shardFile(output, name, ".json"));
    found.push({ ...stats, codes: null });
    for (const [code, count] of (codes ?? []).entries()) counts[code] = (counts[code] ?? 0) + count;
  }
  const done = new Set(found.map(({ shard }) => shard));
  const sum = (of: (stats: ShardStats) => number) => found.reduce((total, stats) => total + of(stats), 0);
  const merged: Manifest = {
    ...manifest,
    merged: {
      complete: manifest.inputs.every((name) => done.has(name)),
      images: sum(({ images }) => images),
      errors: sum(({ errors }) => errors),
      codesUsed: manifest.options.values.ids ? counts.filter((count) => count > 0).length : null,
      shards: found.map(({ shard, images, errors, files: { parquet } }) => ({
        name: shard,
        images,
        errors,
        ...parquet,
      })),
    },
  };
  await writeWhole(path, jsonOf(merged));
  return merged;
}

/** Names of the shards that are committed, sorted. */
export async function doneShards(output: string): Promise<string[]> {
  const folder = join(output, "shards");
  const names = await onDisk(folder, () => readdir(folder));
  return names.flatMap((name) => (/^[^.].*\.json$/.test(name) ? [name.slice(0, -".json".length)] : [])).sort();
}

const jsonOf = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

const described = ({ sha256, values }: Manifest["options"]): string => `${sha256} ${JSON.stringify(values)}`;

function requireSame(output: string, what: string, there: string, own: string): void {
  if (there === own) return;
  throw expectedBut("INCOMPATIBLE", `the ${what} that its shards were made with, ${there}`, output, own, {
    path: output,
    mend: "Write to another folder, or use what it was begun with.",
  });
}
