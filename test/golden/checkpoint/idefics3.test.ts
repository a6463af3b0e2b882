import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { positionBuckets } from "../../../sdk/families/idefics3/positions.ts";
import { readModel } from "../../../sdk/families/read-model.ts";
import { type RgbImage, VQRAE } from "../../../sdk/index.ts";
import { largestDifference, readExpected } from "../expected.ts";

/** Idefics3's positions are buckets of fractions in float32, against transformers' own (make_checkpoints.py). */

const folder = join(import.meta.dirname, "idefics3");
const { sides } = JSON.parse(readFileSync(join(import.meta.dirname, "idefics3-positions.json"), "utf8")) as {
  sides: Record<string, number[]>;
};

it("the buckets of every side are torch's", () => {
  const moved: Record<string, number[]> = {};
  for (let side = 1; side <= 256; side++) {
    const buckets = positionBuckets(side);
    const lower = buckets.flatMap((bucket, i) => (bucket === i ? [] : [i]));
    expect(lower.map((i) => buckets[i])).toEqual(lower.map((i) => i - 1));
    if (lower.length > 0) moved[side] = lower;
  }
  expect(moved).toEqual(sides);
});

it("19 x 19 patches: the same features, with two patches in one bucket", async () => {
  const { tower } = await readModel(folder);
  expect(tower?.spec.positions.buckets?.slice(10, 15)).toEqual([10, 11, 11, 13, 14]);
  await using tokenizer = await VQRAE.load(folder, { threads: 1 });
  const encoded = await tokenizer.encode(pictures);
  const features = encoded.flatMap((image) => [...image.features]);
  const wanted = readExpected(join(folder, "expected.safetensors")).last_hidden_state!;
  expect(wanted.shape).toEqual([2, 361, 8]);
  expect(largestDifference(features, wanted.data)).toBeLessThan(1e-4);
});

it("a grid whose buckets are in order takes the table as it is", async () => {
  const { tower } = await readModel(join(import.meta.dirname, "../projector/idefics3"));
  expect(tower?.spec.positions.buckets).toBeNull();
});

/** `pixels(19)` of make_checkpoints.py. */
const pictures = [0, 1].map((n): RgbImage => {
  const data = Uint8Array.from({ length: 19 * 19 * 3 }, (_, i) => {
    const [y, x, c] = [Math.floor(i / (19 * 3)), Math.floor(i / 3) % 19, i % 3];
    return (x * 7 + y * 13 + c * 29 + n * 101) * 37;
  });
  return { data, width: 19, height: 19 };
});
