import { expect, test } from "vitest";
import { type EncodedImages, stackTokens } from "../../../cli/tokens/tokens.ts";
import { tokensToJson } from "../../../cli/tokens/tokens-json.ts";

/** Two images of one row of three tokens, with two codes each. */
const grid = { rows: 1, columns: 3 };
const encoded: EncodedImages = {
  info: {
    modelId: "two-codes",
    licence: null,
    device: "cpu",
    deviceReason: "asked for",
    precision: "fp32",
    inputSize: { width: 6, height: 2 },
    grid,
    maxTokens: 3,
    featureDim: null,
    codebook: { size: 9, dim: 4, codesPerToken: 2 },
  },
  images: ["a.png", "b.png"],
  tokens: [
    { grid, ids: Int32Array.of(0, 1, 2, 3, 4, 5) },
    { grid, ids: Int32Array.of(6, 7, 8, 0, 1, 2) },
  ],
};

test("several codes a token: an axis of its own in arrays, a list of its own in JSON", () => {
  expect(stackTokens(encoded)).toEqual([
    { name: "grid", shape: [2], data: Int32Array.of(1, 3) },
    { name: "ids", shape: [2, 3, 2], data: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2) },
  ]);
  const { images } = JSON.parse([...tokensToJson(encoded)].join(""));
  expect(images).toEqual([
    {
      image: "a.png",
      ids: [
        [0, 1],
        [2, 3],
        [4, 5],
      ],
    },
    {
      image: "b.png",
      ids: [
        [6, 7],
        [8, 0],
        [1, 2],
      ],
    },
  ]);
});
