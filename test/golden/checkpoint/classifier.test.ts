import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ClassScore, VQRAE } from "../../../sdk/index.ts";
import { pictures } from "./pictures.ts";

/** The same arithmetic in another order, on logits up to about 5. */
const tolerance = 1e-4;

const folder = join(import.meta.dirname, "vit-classifier");
const reference: { labels: string[]; logits: number[][] } = JSON.parse(
  await readFile(join(import.meta.dirname, "vit-classifier-logits.json"), "utf8"),
);

describe("a ViTForImageClassification of transformers", () => {
  let model: VQRAE;
  beforeAll(async () => {
    model = await VQRAE.load(folder, { device: "cpu" });
  });
  afterAll(() => model.dispose());

  test("names its classes by index", () => {
    expect(model.labels).toEqual(reference.labels);
  });

  test("gives transformers' logits, and their softmax", async () => {
    const images = await model.classify(pictures(12));
    for (const [i, classes] of images.entries()) {
      const wanted = reference.logits[i] ?? [];
      const total = wanted.reduce((sum, logit) => sum + Math.exp(logit), 0);
      expect(classes.map(({ index }) => index)).toEqual([0, 1, 2].sort((a, b) => (wanted[b] ?? 0) - (wanted[a] ?? 0)));
      for (const { index, label, logit, probability } of classes) {
        expect(label).toBe(reference.labels[index]);
        expect(Math.abs(logit - (wanted[index] ?? Number.NaN))).toBeLessThan(tolerance);
        expect(probability).toBeCloseTo(Math.exp(wanted[index] ?? Number.NaN) / total, 4);
      }
    }
  });

  test("gives as many classes as are asked for, and one list for one image", async () => {
    const [image] = pictures(12);
    const one: ClassScore[] = await model.classify(image ?? "none", { count: 1 });
    expect(one).toHaveLength(1);
    expect(await model.classify([], { count: 2 })).toEqual([]);
  });
});

test("the features that were asked for change no class", async () => {
  await using first = await VQRAE.load(folder, { device: "cpu", features: { layer: 1, postNorm: false } });
  const [image] = await first.classify(pictures(12), { count: 3 });
  for (const { index, logit } of image ?? []) {
    expect(Math.abs(logit - (reference.logits[0]?.[index] ?? Number.NaN))).toBeLessThan(tolerance);
  }
});

test("a model without a head says so", async () => {
  await using vit = await VQRAE.load(join(import.meta.dirname, "vit"), { device: "cpu" });
  expect(vit.labels).toBeNull();
  await expect(vit.classify(pictures(12))).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringMatching(/a checkpoint with a classification head/),
  });
});

describe("a config.json that does not fit its head", () => {
  let copy: string;
  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), "vqrae-head-"));
    await cp(folder, copy, { recursive: true });
  });
  afterAll(() => rm(copy, { recursive: true }));

  test.each([
    [{ id2label: { "0": "cat" } }, "INVALID_CHECKPOINT", /classifier\.weight/],
    [{ id2label: { "0": "cat", "2": "dog", "3": "emu" } }, "INVALID_CONFIG", /a name for each index from 0/],
    [{ id2label: ["cat"] }, "INVALID_CONFIG", /id2label/],
  ] as const)("%j", async (change, code, message) => {
    const json = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
    await writeFile(join(copy, "config.json"), JSON.stringify({ ...json, ...change }));
    await expect(VQRAE.load(copy, { device: "cpu" })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});
