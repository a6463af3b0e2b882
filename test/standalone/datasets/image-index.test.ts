import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildImageIndex, findShards, searchImages } from "../../../adapters/datasets/index.ts";
import { mockOptions, newFolder, pictures, rowsOf, tarOf } from "./dataset.ts";

async function photos(): Promise<{ folder: string; index: string; entries: Awaited<ReturnType<typeof pictures>> }> {
  const folder = await newFolder();
  const entries = await pictures(30);
  await mkdir(join(folder, "library", "photos"), { recursive: true });
  for (const { path, bytes } of entries) await writeFile(join(folder, "library", path), bytes);
  await writeFile(join(folder, "library", "broken.jpg"), "no image");
  return { folder, index: join(folder, "index.parquet"), entries };
}

describe("an image index", () => {
  it("finds the photos whose vectors have the largest cosine, which a plain loop finds too", async () => {
    const { folder, index, entries } = await photos();
    const { encoder, model } = mockOptions();
    const built = await buildImageIndex(await findShards([join(folder, "library")]), index, { encoder, model });
    expect(built).toMatchObject({ vectors: 30, errors: 1 });
    expect((await readdir(folder)).sort()).toEqual(["index.parquet", "library"]);

    const vectors = await Promise.all(
      entries.map(async ({ path, bytes }) => ({ path, vector: (await encoder.encode(bytes)).classToken })),
    );
    const cosine = (a: Float32Array | undefined, b: Float32Array | undefined) => {
      const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
      return a && b ? dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) : Number.NaN;
    };
    const query = entries[7];
    if (!query) throw new Error("thirty pictures");
    const wanted = vectors
      .map(({ path, vector }) => ({ path, similarity: cosine(vector, vectors[7]?.vector) }))
      .sort((a, b) => b.similarity - a.similarity);
    const hits = await searchImages(index, query.bytes, { encoder, model, count: 3 });
    expect(hits[0]).toMatchObject({ source: join(folder, "library"), key: query.path });
    // The index holds vectors that were rounded to 16 bits.
    for (const [i, { similarity }] of hits.entries()) expect(similarity).toBeCloseTo(wanted[i]?.similarity ?? 0, 3);
    const [row] = await rowsOf(index);
    expect(row).toMatchObject({ key: "photos/000000.png", width: 24, height: 20 });
  });

  it("and its inputs may have the longest names", async () => {
    const folder = await newFolder();
    const { encoder, model } = mockOptions();
    const tar = await tarOf(folder, "é".repeat(125), await pictures(2));
    const index = join(folder, `${"x".repeat(247)}.parquet`);
    const shards = await findShards([tar]);
    expect(await buildImageIndex(shards, index, { encoder, model })).toMatchObject({ vectors: 2 });
    expect(await searchImages(index, (await pictures(2))[0]!.bytes, { encoder, model })).toHaveLength(2);
  });

  it("is not written when no image can be read", async () => {
    const folder = await newFolder();
    await mkdir(join(folder, "library"));
    for (const name of ["a.jpg", "b.jpg"]) await writeFile(join(folder, "library", name), "no image");
    const { encoder, model } = mockOptions();
    await expect(
      buildImageIndex(await findShards([join(folder, "library")]), join(folder, "index.parquet"), { encoder, model }),
    ).rejects.toMatchObject({
      code: "INVALID_DATA",
      message: expect.stringMatching(
        /at least one image.*received 2 that cannot be read, the first, a\.jpg: INVALID_IMAGE/,
      ),
    });
    expect(await readdir(folder)).toEqual(["library"]);
  });

  it("refuses the vectors of another model, and a file that is no index", async () => {
    const { folder, index, entries } = await photos();
    const { encoder, model } = mockOptions();
    await buildImageIndex(await findShards([join(folder, "library")]), index, { encoder, model });
    const query = entries[0]?.bytes ?? new Uint8Array();
    await expect(searchImages(index, query, { encoder, model: "another" })).rejects.toMatchObject({
      code: "INCOMPATIBLE",
      message: expect.stringMatching(/the mock.*another/),
    });
    await expect(searchImages(join(folder, "library", "broken.jpg"), query, { encoder, model })).rejects.toMatchObject({
      code: "INVALID_DATA",
    });
  });
});
