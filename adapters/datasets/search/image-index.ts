import { rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Encoder, ImageInput } from "../../../sdk/index.ts";
import { expected, expectedBut, isObject, parseJson, replaceFile, setFields } from "../../../sdk/kit.ts";
import { unitLength } from "../../token-vectors.ts";
import { pooled } from "../encode-members.ts";
import { type ShardInput, shortName } from "../inputs/member.ts";
import { shardFile } from "../manifest.ts";
import { hashedFile } from "../outputs/hashed-file.ts";
import { groupRowsOf, parquetFile, type SchemaElement } from "../outputs/parquet-file.ts";
import { type RunShardsOptions, type RunSummary, runShards } from "../runners/run-shards.ts";

/** How an index is made. */
export type ImageIndexOptions = Pick<
  RunShardsOptions,
  "encoder" | "model" | "maxPixels" | "batchSize" | "onProgress" | "signal"
>;

export interface SearchHit {
  /** The file or folder that the image came from, and its key there: for a folder its path in it. */
  readonly source: string;
  readonly key: string;
  /** Cosine of the two pooled vectors, -1 to 1. */
  readonly similarity: number;
}

/**
 * Writes a search index: a parquet file with a vector of length 1 for each image, the class token or the mean of the tokens. Images that
 * cannot be read have none. The shards of the work lie in `<path>.parts` meanwhile, so that a run that was stopped goes on.
 * @throws INVALID_DATA if no image can be read; as `runShards`; IO_ERROR
 */
export async function buildImageIndex(
  shards: readonly ShardInput[],
  path: string,
  options: ImageIndexOptions,
): Promise<RunSummary & { readonly vectors: number }> {
  const parts = join(dirname(resolve(path)), `${shortName(basename(path))}.parts`);
  const summary = await runShards(shards, parts, { ...options, ids: false, features: "pooled" });
  const [failed] = summary.failed;
  if (failed !== undefined) throw failed.error;
  const { openParquetTable } = await import("../../benchmarks/index.ts");
  let vectors = 0;
  let firstError: string | undefined;
  await replaceFile(path, async (file) => {
    const about = { format: 1, model: { id: options.encoder.info.modelId, sha256: options.model } };
    const dims = options.encoder.info.featureDim ?? 1;
    const groupRows = groupRowsOf({ numbers: dims, bytes: 4 * dims });
    const parquet = parquetFile(hashedFile(file), INDEX_SCHEMA, { key: KEY, value: about });
    for (const { name, source } of shards) {
      const table = await openParquetTable(shardFile(parts, name, ".parquet"));
      let rows: IndexRow[] = [];
      const write = async (): Promise<void> => {
        const column = (name: keyof IndexRow) => ({ name, data: rows.map((row) => row[name]) });
        if (rows.length > 0) await parquet.write(COLUMNS.map(column), groupRows);
        rows = [];
      };
      for await (const row of table.rows(["key", "sha256", "width", "height", "features", "error"])) {
        const vector = numbersOf(row.features);
        if (vector === null) {
          firstError ??= `${textOf(row.key)}: ${textOf(row.error)}`;
          continue;
        }
        vectors++;
        const [width, height] = [Number(row.width), Number(row.height)];
        const embedding = [...unitLength(vector)];
        rows.push({ source, key: textOf(row.key), sha256: textOf(row.sha256), width, height, embedding });
        if (rows.length === groupRows) await write();
      }
      await write();
    }
    if (vectors === 0) {
      await rm(parts, { recursive: true, force: true });
      const received =
        firstError === undefined ? "none" : `${summary.errors} that cannot be read, the first, ${firstError}`;
      throw expectedBut("INVALID_DATA", "at least one image that can be read", path, received);
    }
    await parquet.finish();
  });
  await rm(parts, { recursive: true, force: true });
  return { ...summary, vectors };
}

/**
 * The images of an index that are most like a given one, the most alike first: the cosine with every vector, so that none is missed.
 * @throws INCOMPATIBLE for an index of another model; INVALID_DATA for what is no index; IO_ERROR; as `encode`
 */
export async function searchImages(
  path: string,
  image: ImageInput,
  { encoder, model, count = 10, signal }: SearchOptions,
): Promise<SearchHit[]> {
  const { openParquetTable } = await import("../../benchmarks/index.ts");
  const table = await openParquetTable(path);
  requireModel(path, table.metadata.get(KEY), encoder, model);
  const query = unitLength(
    pooled(await encoder.encode(image, { features: true, ids: false, ...setFields({ signal }) })),
  );
  let best: SearchHit[] = [];
  for await (const { source, key, embedding } of table.rows(["source", "key", "embedding"])) {
    signal?.throwIfAborted();
    const vector = numbersOf(embedding);
    if (vector?.length !== query.length) throw expected("INVALID_DATA", `${query.length} numbers`, path, embedding);
    let similarity = 0;
    for (let i = 0; i < query.length; i++) similarity += (query[i] ?? 0) * (vector[i] ?? 0);
    if (best.length >= count && similarity <= (best.at(-1)?.similarity ?? 0)) continue;
    best.push({ source: textOf(source), key: textOf(key), similarity });
    best = best.sort((a, b) => b.similarity - a.similarity).slice(0, count);
  }
  return best;
}

export interface SearchOptions {
  readonly encoder: Encoder;
  /** What `modelHash` gives: it must be that of the index. */
  readonly model: string;
  /** How many images to give (default 10). */
  readonly count?: number;
  readonly signal?: AbortSignal;
}

const KEY = "vqrae-index";
const COLUMNS = ["source", "key", "sha256", "width", "height", "embedding"] as const;

type IndexRow = Record<(typeof COLUMNS)[number], unknown>;

const text = (name: string) =>
  ({ name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" }) as const;
const INDEX_SCHEMA: SchemaElement[] = [
  { name: "root", num_children: COLUMNS.length },
  text("source"),
  text("key"),
  text("sha256"),
  { name: "width", type: "INT32", repetition_type: "REQUIRED" },
  { name: "height", type: "INT32", repetition_type: "REQUIRED" },
  { name: "embedding", repetition_type: "REQUIRED", num_children: 1, converted_type: "LIST" },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
];

function requireModel(path: string, about: string | undefined, { info }: Encoder, model: string): void {
  const value = about === undefined ? undefined : parseJson(about);
  const own = isObject(value) && isObject(value.model) ? value.model : undefined;
  if (own === undefined)
    throw expectedBut("INVALID_DATA", "an index that vqrae embed wrote", path, "another file", { path });
  if (own.sha256 === model) return;
  throw expectedBut(
    "INCOMPATIBLE",
    `the model of its vectors, ${own.id} ${own.sha256}`,
    path,
    `${info.modelId} ${model}`,
    {
      path,
      mend: "Search with that model, or make the index again.",
    },
  );
}

const textOf = (cell: unknown): string => (cell instanceof Uint8Array ? new TextDecoder().decode(cell) : String(cell));

function numbersOf(cell: unknown): Float64Array | null {
  if (!Array.isArray(cell)) return null;
  return Float64Array.from(cell, Number);
}
