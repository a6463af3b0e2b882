import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { parquetRows } from "../../../adapters/benchmarks/kit/readers/parquet.ts";
import { noteTried } from "../../helpers/tried.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

const MiB = 2 ** 20;
/** Bounds are for a process that goes on: what a column stands for is at most 64 MiB and 32 times its bytes. */
const MOST_MEMORY = 400 * MiB;
const MOST_MS = 2000;

type Codec = NonNullable<Parameters<typeof parquetWriteBuffer>[0]["codec"]>;
type Column = Parameters<typeof parquetWriteBuffer>[0]["columnData"][number];

/** A file of one column "a", whose pages `compress` makes of what the writer wrote. */
async function written(column: Omit<Column, "name">, codec: Codec, compress: (page: Uint8Array) => Uint8Array) {
  const path = join(await temporaryFolder(), "a.parquet");
  const columnData = [{ name: "a", ...column }];
  await writeFile(
    path,
    new Uint8Array(parquetWriteBuffer({ columnData, pageSize: 2 ** 30, codec, compressors: { [codec]: compress } })),
  );
  return path;
}

/** What reading all of it ends with, the count of rows or an error, and what it took of memory and processor time. */
async function read(path: string): Promise<{ outcome: unknown; bytes: number; ms: number }> {
  const before = process.memoryUsage.rss();
  const start = process.threadCpuUsage();
  const outcome = await countOf(path).catch((error: unknown) => error);
  const { user, system } = process.threadCpuUsage(start);
  return { outcome, bytes: process.memoryUsage.rss() - before, ms: (user + system) / 1000 };
}

async function countOf(path: string): Promise<number> {
  let count = 0;
  for await (const _ of parquetRows([path], ["a"], [])) count += 1;
  return count;
}

const text = (length: number) => ({ data: [new Uint8Array(length)], type: "BYTE_ARRAY" as const });
const zeros = Buffer.alloc(128 * MiB);

describe("a page of parquet that is a bomb", { timeout: 120_000 }, () => {
  const bombs: Readonly<Record<string, () => Promise<string>>> = {
    "zstd that says what it is": () => written(text(80 * MiB), "ZSTD", (page) => zstdCompressSync(page)),
    "zstd that says less than it is": () =>
      written(text(1000), "ZSTD", (page) => zstdCompressSync(page.length > 500 ? zeros : page)),
    "gzip that says what it is": () => written(text(80 * MiB), "GZIP", (page) => gzipSync(page)),
    "gzip that says less than it is": () =>
      written(text(1000), "GZIP", (page) => gzipSync(page.length > 500 ? zeros : page)),
    "deflate without a head": () =>
      written(text(1000), "GZIP", (page) => deflateRawSync(page.length > 500 ? zeros : page)),
    "a page that says more than it is": () => written(text(80 * MiB), "SNAPPY", () => new Uint8Array(100)),
    "a prefix that every value repeats": () =>
      written(
        {
          data: Array.from({ length: 1000 }, (_, i) => "x".repeat(100_000) + i),
          type: "STRING",
          encoding: "DELTA_BYTE_ARRAY",
        },
        "UNCOMPRESSED",
        (page) => page,
      ),
    "four million rows and one": () =>
      written({ data: new Int32Array(4_000_001), type: "INT32", encoding: "PLAIN" }, "ZSTD", (page) =>
        zstdCompressSync(page),
      ),
  };
  it.each(Object.entries(bombs))("%s", async (_, make) => {
    const { outcome, bytes, ms } = await read(await make());
    expect(outcome).toMatchObject({ code: "INVALID_DATA" });
    expect(bytes).toBeLessThan(MOST_MEMORY);
    expect(ms).toBeLessThan(MOST_MS);
    noteTried("a page that is a bomb", 1);
  });

  it("is none where it holds a lot of the same", async () => {
    const row = "what is in the image? ".repeat(20);
    const column = { data: new Array(100_000).fill(row), type: "STRING" as const };
    const path = await written({ ...column, encoding: "PLAIN" }, "ZSTD", (page) => zstdCompressSync(page));
    expect((await read(path)).outcome).toBe(100_000);
  });
});
