import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openParquetTable } from "../../../adapters/benchmarks/index.ts";
import type { TokenizeOptions } from "../../../adapters/datasets/index.ts";
import { encodePng, type RgbImage } from "../../../sdk/index.ts";
import { mockTokenizer } from "../../../sdk/testing/index.ts";
import { uniform } from "../../helpers/random.ts";
import { type TarEntry, tarArchive } from "../../helpers/tar-archive.ts";

export const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "vqrae-datasets-"));

export function randomImage(width: number, height: number, seed: number): RgbImage {
  const random = uniform(seed);
  return { data: Uint8Array.from({ length: width * height * 3 }, () => random() * 256), width, height };
}

/** Small pictures, each another, as PNG. */
export const pictures = (count: number, first = 0): Promise<TarEntry[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, i) => ({
      path: `photos/${String(first + i).padStart(6, "0")}.png`,
      bytes: await encodePng(randomImage(24 + (i % 5), 20 + (i % 3), first + i + 1)),
    })),
  );

export async function tarOf(folder: string, name: string, entries: readonly TarEntry[]): Promise<string> {
  const path = join(folder, `${name}.tar`);
  await writeFile(path, tarArchive(entries));
  return path;
}

type MockOptions = Omit<TokenizeOptions, "onProgress">;

export const mockOptions = (options: Partial<MockOptions> = {}): MockOptions => ({
  encoder: mockTokenizer({ grid: { rows: 3, columns: 2 } }),
  model: "the mock",
  ...options,
});

export type Cells = Readonly<Record<string, unknown>>;

/** All rows of a parquet file, by the reader of the benchmarks; texts as strings. */
export async function rowsOf(path: string): Promise<Cells[]> {
  const table = await openParquetTable(path);
  const rows: Cells[] = [];
  const decode = (cell: unknown) => (cell instanceof Uint8Array ? new TextDecoder().decode(cell) : cell);
  for await (const row of table.rows(table.columns)) {
    rows.push(Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, decode(cell)])));
  }
  return rows;
}

export const shardBytes = (output: string, name: string, ending = ".parquet"): Promise<Buffer> =>
  readFile(join(output, "shards", `${name}${ending}`));
