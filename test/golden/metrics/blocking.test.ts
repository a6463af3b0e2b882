import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { RgbImage } from "../../../sdk/index.ts";
import { Blocking } from "../../../sdk/metrics/index.ts";

const reference: Record<string, number> = JSON.parse(
  await readFile(join(import.meta.dirname, "blocking.json"), "utf8"),
);

/** `drawn` of make_blocking.py. */
const drawn = (n: number): RgbImage => {
  const [width, height] = [24, 16];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [y, x, c] = [Math.floor(i / (width * 3)), Math.floor(i / 3) % width, i % 3];
    if (n === 0) return (x * 7 + y * 13 + c * 29) * 37;
    return 60 + x + 2 * y + 20 * ((Math.floor(x / 8) + Math.floor(y / 8)) % 2);
  });
  return { data, width, height };
};

const measured = (square: number, images: readonly number[]) => {
  const blocking = new Blocking(square);
  for (const n of images) blocking.add(drawn(n));
  return blocking.ratio;
};

test("seams show as the trainer measures them", () => {
  expect(measured(4, [0, 1])).toBeCloseTo(reference["4"] ?? Number.NaN, 5);
  expect(measured(8, [0, 1])).toBeCloseTo(reference["8"] ?? Number.NaN, 5);
  expect(measured(8, [1])).toBeCloseTo(reference["8 of the second"] ?? Number.NaN, 4);
  expect(measured(8, [1])).toBeGreaterThan(5);
});

test("an image without seams, and none at all, have no ratio", () => {
  expect(measured(32, [1])).toBeNull();
  expect(new Blocking(8).ratio).toBeNull();
});
