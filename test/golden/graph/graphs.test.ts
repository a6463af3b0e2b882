import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadCheckpoint } from "../../../sdk/checkpoint/load-checkpoint.ts";
import { buildDecoderGraph } from "../../../sdk/graph/decoder.ts";
import { buildEncoderGraph } from "../../../sdk/graph/encoder.ts";
import { buildCodebookGraph, buildQuantizerGraph } from "../../../sdk/graph/quantizer.ts";
import { int64, run } from "../../standalone/graph/session.ts";
import { type Expected, largestDifference, readExpected } from "./expected.ts";

const featureTolerance = 1e-4;
const vectorTolerance = 1e-5;
/** Of 255 levels: a value that rounds up in one implementation may round down in the other. */
const pixelTolerance = 1;
/** Squared L2 distance between the two nearest codes below which float32 may take either. */
const tie = 1e-5;

const open = async (name: string) => {
  const folder = join(import.meta.dirname, name);
  return { checkpoint: await loadCheckpoint(folder), expected: readExpected(join(folder, "expected.safetensors")) };
};
const floats = ({ data, shape }: Expected) => ({ data: data as Float32Array, shape });

describe("largestDifference", () => {
  it("sees a difference, a NaN and a missing number", () => {
    expect(largestDifference([1, 2], [1, 2])).toBe(0);
    expect(largestDifference([1, 2, 0], [1, 1.5, 0])).toBe(0.5);
    expect(largestDifference([1, Number.NaN, 1], [1, 2, 1])).toBe(Number.POSITIVE_INFINITY);
    expect(largestDifference([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
  });
});

describe.each(["vqrae-two-layers", "vqrae-last-layer"])("%s against PyTorch", (name) => {
  it("encodes to the same features", async () => {
    const { checkpoint, expected } = await open(name);
    const actual = await run(buildEncoderGraph(checkpoint), { patches: floats(expected.patches!) });
    for (const output of ["features", "class_token", "quantizer_input"]) {
      expect(actual[output]!.shape, output).toEqual(expected[output]!.shape);
      expect(largestDifference(actual[output]!.data, expected[output]!.data), output).toBeLessThan(featureTolerance);
    }
  });

  it("quantizes to the same ids", async () => {
    const { checkpoint, expected } = await open(name);
    const encoded = await run(buildEncoderGraph(checkpoint), { patches: floats(expected.patches!) });
    const { data, shape } = encoded.quantizer_input!;
    const feeds = { quantizer_input: { data: data as Float32Array, shape } };
    const ids = (await run(buildQuantizerGraph(checkpoint), feeds)).ids!.data;
    const gap = expected.gap!.data;
    const decided = (values: ArrayLike<number>) => Array.from(gap, (g, i) => (g > tie ? values[i] : "tie"));
    expect(ids).toBeInstanceOf(Int32Array);
    expect(decided(ids)).toEqual(decided(expected.ids!.data));
  });

  it("looks up the same vectors", async () => {
    const { checkpoint, expected } = await open(name);
    const ids = int64(expected.ids!.data);
    const { vectors } = await run(buildCodebookGraph(checkpoint), { ids: { data: ids, shape: [ids.length] } });
    expect(vectors!.shape).toEqual(expected.vectors!.shape);
    expect(largestDifference(vectors!.data, expected.vectors!.data)).toBeLessThan(vectorTolerance);
  });

  it("decodes to the same pixels", async () => {
    const { checkpoint, expected } = await open(name);
    const ids = { data: int64(expected.ids!.data), shape: expected.ids!.shape };
    const { pixels } = await run(buildDecoderGraph(checkpoint), { ids });
    expect(pixels!.shape).toEqual(expected.pixels!.shape);
    const reference = expected.pixels!.data;
    expect(largestDifference(pixels!.data, reference)).toBeLessThanOrEqual(pixelTolerance);
    // Cutting off instead of rounding stays within one level, but moves about every second value.
    const moved = reference.filter((value, i) => value !== pixels!.data[i]).length;
    expect(moved / reference.length).toBeLessThan(0.01);
  });
});

const families = ["vit", "siglip"];
const dtypes = ["f32", "f16", "bf16"];
describe.each(families.flatMap((f) => dtypes.map((d) => `${f}-${d}`)))("%s against transformers", (name) => {
  it.each([
    { layer: 1, postNorm: false, output: "hidden1" },
    { layer: 2, postNorm: false, output: "hidden2" },
    { layer: 3, postNorm: true, output: "last" },
  ])("gives the features of block $layer", async ({ layer, postNorm, output }) => {
    const { checkpoint, expected } = await open(name);
    const model = buildEncoderGraph({ ...checkpoint, features: { layer, postNorm } });
    const { features, class_token } = await run(model, { patches: floats(expected.patches!) });
    const [images = 0, tokens = 0, width = 0] = expected[output]!.shape;
    const patches = features!.shape[1]!;
    expect(features!.shape).toEqual([images, name.startsWith("vit") ? tokens - 1 : tokens, width]);

    // transformers keeps the class token and the patches in one sequence.
    const sequences = Array.from({ length: images }, (_, i) => [
      ...(class_token?.data.subarray(i * width, (i + 1) * width) ?? []),
      ...features!.data.subarray(i * patches * width, (i + 1) * patches * width),
    ]);
    expect(largestDifference(sequences.flat(), expected[output]!.data)).toBeLessThan(featureTolerance);
  });
});
