import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { idsPerImage } from "../../sdk/index.ts";
import { createFile, expectedBut, isFile, type NewFile, onDisk, writeWhole } from "../../sdk/kit.ts";
import { requireBatchInvariance } from "./batch-invariance.ts";
import { cropper, VIEWS } from "./crops.ts";
import { encodeMembers } from "./encode-members.ts";
import { hashFile } from "./inputs/files.ts";
import { type ShardInput, type ShardSurvey, withUniqueKeys } from "./inputs/member.ts";
import { openManifest, shardFile } from "./manifest.ts";
import { type HashedFile, hashedFile } from "./outputs/hashed-file.ts";
import { type IdsShape, idsNpy, idsTar } from "./outputs/ids-files.ts";
import { parquetRows } from "./outputs/parquet-rows.ts";
import type { Row, RowWriter } from "./outputs/row.ts";
import { readStats, type ShardStats } from "./shard-stats.ts";
import { rowSize, type TokenizeOptions, type TokenizeSpec, tokenizeSpec } from "./tokenize-options.ts";

/** What became of a shard. */
export interface ShardResult {
  /** "written" by this call, or "done" before: by an earlier run, or by another worker meanwhile. */
  readonly state: "written" | "done";
  readonly stats: ShardStats;
}

/**
 * Makes the tokens of one shard: one row for each of its images, in its order. A row depends on the image's bytes, the model and the
 * options alone, so that the files have the same bytes whoever makes them, in batches and threads of any number.
 *
 * It may be called any number of times, also by several machines at once, and be killed at any point. Its files are written beside
 * their names and take them only where nothing has them; the record `shards/<name>.json` comes last. Where it is there, the
 * shard is done and nothing is encoded.
 *
 * @throws INCOMPATIBLE for a folder of another model or other options, or whose shard was made of another input; ALREADY_EXISTS
 * where a file of the shard is there with other bytes; UNSUPPORTED for an encoder whose numbers depend on the batch; INVALID_DATA
 * for an input that cannot be read; IO_ERROR, RUNTIME; the signal's reason
 */
export async function tokenizeShard(input: ShardInput, output: string, options: TokenizeOptions): Promise<ShardResult> {
  const spec = tokenizeSpec(options);
  spec.signal?.throwIfAborted();
  await openManifest(output, spec, [input.name]);
  const record = shardFile(output, input.name, ".json");
  const fingerprint = await input.fingerprint();
  const before = await recordOf(record, input, fingerprint);
  if (before !== null) return { state: "done", stats: before };
  await requireBatchInvariance(spec.encoder);
  const started = performance.now();
  const made = await makeFiles(input, output, spec);
  const stats: ShardStats = {
    shard: input.name,
    source: { path: input.source, fingerprint },
    ...made,
    run: {
      seconds: Number(((performance.now() - started) / 1000).toFixed(3)),
      host: hostname(),
      pid: process.pid,
      finished: new Date().toISOString(),
    },
  };
  const bytes = Buffer.from(`${JSON.stringify(stats)}\n`);
  if (await createFile(record, (file) => file.write(bytes, 0))) return { state: "written", stats };
  // Somebody else finished first: with the same bytes, or one of both is wrong.
  const first = await readStats(record);
  for (const kind of FILE_KINDS) requireEqual(record, kind, first.files[kind]?.sha256, made.files);
  return { state: "done", stats: first };
}

/** @throws INCOMPATIBLE where the record is that of another input */
async function recordOf(path: string, input: ShardInput, fingerprint: string): Promise<ShardStats | null> {
  if (!(await isFile(path))) return null;
  const stats = await readStats(path);
  if (stats.source.fingerprint === fingerprint) return stats;
  const was = `${stats.source.path} of ${stats.source.fingerprint}`;
  throw expectedBut(
    "INCOMPATIBLE",
    `the input that it was made of, ${was}`,
    path,
    `${input.source} of ${fingerprint}`,
    {
      path,
      mend: "Give the new input another name, or remove the shard's files to make them again.",
    },
  );
}

const FILE_KINDS = ["parquet", "tar", "npy"] as const;

type FileKind = (typeof FILE_KINDS)[number];

type Made = Pick<ShardStats, "images" | "errors" | "errorCounts" | "otherMembers" | "damaged" | "codes" | "files">;

async function makeFiles(input: ShardInput, output: string, spec: TokenizeSpec): Promise<Made> {
  const { tar, npy } = spec.settings;
  // The parquet file takes its name last of the three.
  const paths: { readonly [K in FileKind]?: string } = {
    parquet: shardFile(output, input.name, ".parquet"),
    ...(tar && { tar: shardFile(output, input.name, ".ids.tar") }),
    ...(npy && { npy: shardFile(output, input.name, ".ids.npy") }),
  };
  const dead: string[] = [];
  const { result, existing } = await createFiles(Object.values(paths), async (opened) => {
    const files = opened.map(hashedFile);
    const [parquet, ...others] = files;
    if (parquet === undefined) throw new Error("no file");
    return writeRows(
      input,
      spec,
      { parquet, tar: tar ? others[0] : undefined, npy: npy ? others.at(-1) : undefined },
      dead,
    );
  });
  for (const kind of FILE_KINDS) {
    const path = paths[kind];
    if (path !== undefined && existing.includes(path)) requireEqual(path, kind, await hashFile(path), result.files);
  }
  const list = join(output, "dead", `${input.name}.jsonl`);
  if (dead.length > 0) await writeWhole(list, dead);
  else await onDisk(list, () => rm(list, { force: true }));
  return result;
}

interface Outputs {
  readonly parquet: HashedFile;
  readonly tar: HashedFile | undefined;
  readonly npy: HashedFile | undefined;
}

async function writeRows(input: ShardInput, spec: TokenizeSpec, files: Outputs, dead: string[]): Promise<Made> {
  const { encoder, settings } = spec;
  const { info } = encoder;
  const codes = settings.ids && info.codebook ? info.codebook.size : null;
  const about = {
    format: 1,
    model: spec.model,
    ...settings,
    views: VIEWS[settings.crops],
    grid: info.grid,
    codebook: info.codebook,
    featureDim: info.featureDim,
  };
  const writers: RowWriter[] = [
    parquetRows(files.parquet, { codes, features: settings.features, size: rowSize(spec), about }),
  ];
  const shape = idsShape(spec);
  if (files.tar && codes !== null) writers.push(idsTar(files.tar, codes, shape));
  if (files.npy && codes !== null && info.grid) writers.push(idsNpy(files.npy, codes, shape({ grid: info.grid })));

  const survey: ShardSurvey = { otherMembers: 0, damaged: false };
  const histogram = codes !== null && codes <= MAX_HISTOGRAM ? new Array<number>(codes).fill(0) : null;
  const errorCounts: Record<string, number> = {};
  let images = 0;
  const rows = encodeMembers(withUniqueKeys(input.members(survey)), {
    encoder,
    views: cropper(info, settings.crops, settings.cropRange),
    ids: settings.ids,
    features: settings.features,
    maxPixels: settings.maxPixels ?? undefined,
    batchSize: Math.max(1, Math.ceil(spec.batchSize / VIEWS[settings.crops])),
    signal: spec.signal,
  });
  for await (const batch of rows) {
    for (const writer of writers) await writer.add(batch);
    for (const row of batch) {
      for (const id of row.tokens?.ids ?? []) if (histogram) histogram[id] = (histogram[id] ?? 0) + 1;
      if (row.error === null) continue;
      errorCounts[row.error] = (errorCounts[row.error] ?? 0) + 1;
      dead.push(`${JSON.stringify(deadLine(row))}\n`);
    }
    images += batch.length;
    spec.onProgress(images);
  }
  for (const writer of writers) await writer.finish();
  const errors = Object.values(errorCounts).reduce((sum, count) => sum + count, 0);
  const digests = {
    parquet: files.parquet.digest(),
    ...(files.tar && { tar: files.tar.digest() }),
    ...(files.npy && { npy: files.npy.digest() }),
  };
  return { images, errors, errorCounts: sorted(errorCounts), ...survey, codes: histogram, files: digests };
}

/** Past this a histogram would be larger than its shard. */
const MAX_HISTOGRAM = 2 ** 18;

const deadLine = ({ key, sha256, error, reason }: Row) => ({ key, sha256, error, reason });

const sorted = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));

function idsShape({ encoder, settings }: TokenizeSpec): IdsShape {
  const views = VIEWS[settings.crops];
  const codebook = encoder.info.codebook ?? { codesPerToken: 1 };
  const codes = codebook.codesPerToken;
  return ({ grid }) => [
    ...(views === 1 ? [] : [views]),
    idsPerImage(codebook, grid) / codes,
    ...(codes === 1 ? [] : [codes]),
  ];
}

/** Makes several files at once; those whose names are taken are left as they are, and named. */
async function createFiles<T>(
  paths: readonly string[],
  fill: (files: readonly NewFile[]) => Promise<T>,
): Promise<{ readonly result: T; readonly existing: readonly string[] }> {
  const existing: string[] = [];
  const open = async (files: readonly NewFile[]): Promise<T> => {
    const path = paths[files.length];
    if (path === undefined) return fill(files);
    const results: T[] = [];
    const made = await createFile(path, async (file) => {
      results.push(await open([...files, file]));
    });
    if (!made) existing.push(path);
    const [result] = results;
    if (result === undefined) throw new Error("nothing was written");
    return result;
  };
  return { result: await open([]), existing };
}

/** @throws ALREADY_EXISTS: the alarm for two results of one shard */
function requireEqual(path: string, kind: FileKind, there: string | undefined, files: ShardStats["files"]): void {
  const own = files[kind]?.sha256;
  if (there === own) return;
  const received = `a file there whose SHA-256 is ${there}`;
  throw expectedBut("ALREADY_EXISTS", `a ${kind} file whose SHA-256 is ${own}, which this run made`, path, received, {
    path,
    mend:
      "Two runs gave one shard different results. Check that all machines have the same version, processor and model; then " +
      "remove the shard's files to make them again.",
  });
}
