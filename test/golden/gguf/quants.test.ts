import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { decodeGgufTensor } from "../../../adapters/gguf/index.ts";
import { largestDifference, readExpected } from "../expected.ts";

/** Random blocks, and what gguf-py makes of them: make_quants.py. */
const expected = readExpected(fileURLToPath(new URL("quants.safetensors", import.meta.url)));

test.each(["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"] as const)("%s, to the bit", (type) => {
  const bytes = expected[`${type}.blocks`]!.data as Uint8Array<ArrayBuffer>;
  const values = decodeGgufTensor(type, bytes, "the blocks");
  expect(largestDifference(values, expected[`${type}.values`]!.data)).toBe(0);
});

test("a type that is not decoded is refused with those that are", () => {
  const decode = () => decodeGgufTensor("IQ2_XS", new Uint8Array(74), "tensor w of x.gguf");
  expect(decode).toThrow(/one of F32, F16, BF16, Q8_0, Q4_0, .*Q6_K for tensor w of x.gguf but received "?IQ2_XS/);
});
