import { expect, test } from "vitest";
import { catalogue, catalogueChecked, roughBytes } from "../../../adapters/hub/index.ts";

test("a dozen models from 0.3 to 8 billion parameters, small ones first, each once", () => {
  expect(catalogue.length).toBeGreaterThanOrEqual(12);
  expect(new Set(catalogue.map(({ repo }) => repo)).size).toBe(catalogue.length);
  const sizes = catalogue.map(({ billions }) => billions);
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
  expect(Math.min(...sizes)).toBeLessThan(0.3);
  expect(Math.max(...sizes)).toBe(8);
});

test("each licence has a source", () => {
  for (const { licence } of catalogue) if (licence !== null) expect(new URL(licence.source).protocol).toBe("https:");
});

test("nothing claims a check that was not made", () => {
  expect(catalogueChecked).toMatchObject({
    sizes: expect.stringMatching(/^not checked/),
    weights: expect.stringMatching(/^not fetched/),
  });
});

test.each([
  // Files of others' repositories: https://mygguf.com/models/bartowski_google_gemma-3-4b-it-GGUF, bartowski_Qwen2-VL-2B-Instruct-GGUF.
  [4, 2.49e9],
  [1.54, 0.99e9],
])("the estimate for %f billion parameters is within 10 %% of a file that is known", (billions, bytes) => {
  expect(Math.abs(roughBytes({ billions }) / bytes - 1)).toBeLessThan(0.1);
});
