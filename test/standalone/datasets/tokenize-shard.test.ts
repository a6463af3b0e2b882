import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelHash, readManifest, tarFile, tokenizeShard } from "../../../adapters/datasets/index.ts";
import { defineEncoder } from "../../../sdk/kit.ts";
import { mockTokenizer } from "../../../sdk/testing/index.ts";
import { mockOptions, newFolder, pictures, rowsOf, shardBytes, tarOf } from "./dataset.ts";

describe("a shard", () => {
  it("has a row for each image, in the order of the tar, with what the tokenizer gives for it alone", async () => {
    const folder = await newFolder();
    const entries = await pictures(70);
    const caption = { path: "photos/000000.txt", bytes: Buffer.from("a caption") };
    const tar = await tarOf(folder, "train-0", [...entries.slice(0, 1), caption, ...entries.slice(1)]);
    const out = join(folder, "tokens");
    const options = mockOptions();
    const { state, stats } = await tokenizeShard(tarFile(tar), out, options);
    expect(state).toBe("written");
    expect(stats).toMatchObject({ shard: "train-0", images: 70, errors: 0, otherMembers: 1, damaged: false });

    const rows = await rowsOf(join(out, "shards", "train-0.parquet"));
    expect(rows.length).toBe(70);
    for (const [i, { path, bytes }] of entries.entries()) {
      const { ids } = await options.encoder.encode(bytes, { features: false, ids: true });
      expect(rows[i]).toEqual({
        key: path.replace(".png", ""),
        sha256: createHash("sha256").update(bytes).digest("hex"),
        width: 24 + (i % 5),
        height: 20 + (i % 3),
        grid: [3, 2],
        ids: [...ids],
        error: null,
      });
    }
    const parquet = await shardBytes(out, "train-0");
    expect(stats.files.parquet).toEqual({
      bytes: parquet.length,
      sha256: createHash("sha256").update(parquet).digest("hex"),
    });
    const used = stats.codes?.reduce((sum, count) => sum + count, 0);
    expect(used).toBe(70 * 6);
  });

  it("is done once: a second call encodes nothing, and changes nothing", async () => {
    const folder = await newFolder();
    const tar = tarFile(await tarOf(folder, "a", await pictures(3)));
    const out = join(folder, "tokens");
    const first = await tokenizeShard(tar, out, mockOptions());
    const encoder = mockTokenizer({ grid: { rows: 3, columns: 2 } });
    const second = await tokenizeShard(tar, out, mockOptions({ encoder }));
    expect(second).toEqual({ state: "done", stats: first.stats });
    expect(encoder.calls).toEqual([]);
    expect((await readdir(join(out, "shards"))).sort()).toEqual(["a.json", "a.parquet"]);
  });

  it("has the same bytes for batches of any size", async () => {
    const folder = await newFolder();
    const tar = tarFile(await tarOf(folder, "a", await pictures(45)));
    const files = [".parquet", ".ids.tar", ".ids.npy"];
    const made = [];
    for (const batchSize of [1, 7, 32]) {
      const out = join(folder, String(batchSize));
      await tokenizeShard(tar, out, mockOptions({ batchSize, tar: true, npy: true, features: "pooled" }));
      made.push(await Promise.all(files.map((ending) => shardBytes(out, "a", ending))));
    }
    expect(made[1]).toEqual(made[0]);
    expect(made[2]).toEqual(made[0]);
  });
});

describe("a folder of tokens", () => {
  it("refuses another model and other options, and names both", async () => {
    const folder = await newFolder();
    const tar = tarFile(await tarOf(folder, "a", await pictures(2)));
    const out = join(folder, "tokens");
    await tokenizeShard(tar, out, mockOptions());
    const manifest = await readManifest(out);
    await expect(tokenizeShard(tar, out, mockOptions({ model: "another" }))).rejects.toMatchObject({
      code: "INCOMPATIBLE",
      message: expect.stringMatching(/mock the mock.*mock another/),
    });
    const flipped = await tokenizeShard(tar, out, mockOptions({ maxPixels: 1000 })).catch((error) => error);
    expect(flipped).toMatchObject({ code: "INCOMPATIBLE" });
    expect(flipped.message).toContain(manifest?.options.sha256);
    expect(flipped.message).toContain('"maxPixels":1000');
  });

  it("refuses a shard that was made of another input of its name", async () => {
    const folder = await newFolder();
    const out = join(folder, "tokens");
    await tokenizeShard(tarFile(await tarOf(folder, "a", await pictures(2))), out, mockOptions());
    const other = tarFile(await tarOf(folder, "a", await pictures(9)));
    await expect(tokenizeShard(other, out, mockOptions())).rejects.toMatchObject({ code: "INCOMPATIBLE" });
  });
});

describe("two results of one shard", () => {
  it("are one where a late worker made the same bytes", async () => {
    const folder = await newFolder();
    const tar = tarFile(await tarOf(folder, "a", await pictures(20)));
    const out = join(folder, "tokens");
    const results = await Promise.all([1, 2, 3].map(() => tokenizeShard(tar, out, mockOptions())));
    expect(results.map(({ state }) => state).sort()).toEqual(["done", "done", "written"]);
    expect((await readdir(join(out, "shards"))).sort()).toEqual(["a.json", "a.parquet"]);
  });

  it("raise an alarm where a late worker made others, and the first stays", async () => {
    const folder = await newFolder();
    const tar = tarFile(await tarOf(folder, "a", await pictures(4)));
    const out = join(folder, "tokens");
    const early = await tokenizeShard(tar, join(folder, "other"), mockOptions());
    // A zombie: it began before the first had finished, and its tokenizer has other colours.
    const zombie = mockTokenizer({ grid: { rows: 3, columns: 2 }, codebook: { size: 5 }, modelId: "mock" });
    const pending = tokenizeShard(tar, out, mockOptions({ encoder: zombie }));
    const [first, second] = await Promise.allSettled([tokenizeShard(tar, out, mockOptions()), pending]);
    const lost = [first, second].find(({ status }) => status === "rejected");
    expect(lost).toMatchObject({ reason: { code: "ALREADY_EXISTS" } });
    expect(String(lost?.status === "rejected" && lost.reason.message)).toContain(early.stats.files.parquet.sha256);
  });

  it("raise an alarm where a file without a record has other bytes", async () => {
    const folder = await newFolder();
    const tar = tarFile(await tarOf(folder, "a", await pictures(4)));
    const out = join(folder, "tokens");
    await tokenizeShard(tarFile(await tarOf(folder, "b", await pictures(1))), out, mockOptions());
    await writeFile(join(out, "shards", "a.parquet"), "another result");
    await expect(tokenizeShard(tar, out, mockOptions())).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    expect(await shardBytes(out, "a")).toEqual(Buffer.from("another result"));
  });
});

it("refuses an encoder whose numbers depend on the images of its batch", async () => {
  const folder = await newFolder();
  const tar = tarFile(await tarOf(folder, "a", await pictures(4)));
  let calls = 0;
  const encoder = defineEncoder({
    info: {
      modelId: "scales-over-the-batch",
      inputSize: null,
      grid: { rows: 1, columns: 1 },
      maxTokens: 1,
      featureDim: null,
      codebook: { size: 9, dim: 1, codesPerToken: 1 },
    },
    encode: () => ({ grid: { rows: 1, columns: 1 }, ids: Int32Array.of(calls++ % 9) }),
  });
  await expect(tokenizeShard(tar, join(folder, "tokens"), { encoder, model: "m" })).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("scales-over-the-batch"),
  });
});

it("hashes a model by its configs and weights", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, "config.json"), "{}");
  await writeFile(join(folder, "model.safetensors"), "weights");
  const hash = await modelHash(folder);
  await writeFile(join(folder, "README.md"), "a card");
  expect(await modelHash(folder)).toBe(hash);
  await writeFile(join(folder, "model.safetensors"), "Weights");
  expect(await modelHash(folder)).not.toBe(hash);
  expect(await readFile(join(folder, "README.md"), "utf8")).toBe("a card");
});
