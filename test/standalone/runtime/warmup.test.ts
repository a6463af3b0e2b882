import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LoadProgress, VQRAE } from "../../../sdk/index.ts";
import { damagedCheckpoint, setFirst } from "../bad-input/damaged-checkpoint.ts";
import { picture, tinyEncoder, tinyVqrae } from "./fixtures/tiny.ts";

const images = Array.from({ length: 12 }, (_, i) => picture(20 + i, 30, i));
const setup = { device: "cpu", workers: 3, threads: 1, batchSize: 1 } as const;

describe("warmup", () => {
  // A session that is open keeps its weights when their file goes; one that is still to be opened cannot.
  it.skipIf(process.platform === "win32")("opens every session of every worker", async () => {
    const folder = await damagedCheckpoint(() => {});
    await using warm = await VQRAE.load(folder, { ...setup, warmup: true });
    await using cold = await VQRAE.load(folder, setup);
    await rm(join(folder, "model.safetensors"));
    const tokens = await warm.encode(images);
    const pictures = await warm.decode(tokens.map(({ ids }) => ids!));
    expect(pictures).toHaveLength(images.length);
    await expect(cold.decode(tokens[0]!.ids!)).rejects.toMatchObject({ code: "INVALID_CHECKPOINT" });
    await expect(cold.codebookVectors(tokens[0]!.ids!)).rejects.toMatchObject({ code: "INVALID_CHECKPOINT" });
    const vectors = await Promise.all(tokens.map(({ ids }) => warm.codebookVectors(ids!)));
    expect(vectors[0]).toHaveLength(16 * 16);
  });

  it("reports each worker, and changes no result", async () => {
    const seen: LoadProgress[] = [];
    const onProgress = (progress: LoadProgress) => progress.phase === "warmup" && seen.push(progress);
    await using warm = await VQRAE.load(tinyVqrae, { ...setup, warmup: true, onProgress });
    expect(seen.map(({ loaded, total }) => [loaded, total])).toEqual([0, 1, 2, 3].map((loaded) => [loaded, 3]));
    await using cold = await VQRAE.load(tinyVqrae, setup);
    expect(await warm.encode(images)).toEqual(await cold.encode(images));
  });

  it("works for an encoder alone", async () => {
    await using tokenizer = await VQRAE.load(tinyEncoder, { ...setup, warmup: true });
    expect((await tokenizer.encode(images[0]!)).features).toBeDefined();
  });

  it("finds weights that are not finite before the first image does", async () => {
    const folder = await damagedCheckpoint(setFirst("decoder.head.weight", Number.NaN));
    await expect(VQRAE.load(folder, { ...setup, warmup: true })).rejects.toMatchObject({
      code: "RUNTIME",
      message: expect.stringContaining('output "energies" of the decoder graph'),
    });
  });
});

describe("several workers", () => {
  it("give what one gives, to the bit, whatever the batches and whoever is first", async () => {
    await using one = await VQRAE.load(tinyVqrae, { device: "cpu", workers: 1, threads: 1, batchSize: 12 });
    await using three = await VQRAE.load(tinyVqrae, { device: "cpu", workers: 3, threads: 1, batchSize: 2 });
    const expected = await one.encode(images);
    const ids = expected.map((tokens) => tokens.ids!);
    const pictures = await one.decode(ids);
    // All at once, so that every worker gets some of each kind.
    const [whole, singles, decoded, vectors] = await Promise.all([
      three.encode(images),
      Promise.all(images.map((image) => three.encode(image))),
      three.decode(ids),
      Promise.all(ids.map((own) => three.codebookVectors(own))),
    ]);
    expect(whole).toEqual(expected);
    expect(singles).toEqual(expected);
    expect(decoded).toEqual(pictures);
    for (const [i, own] of ids.entries()) expect(vectors[i]).toEqual(await one.codebookVectors(own));
  });
});
