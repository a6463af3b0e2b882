import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { int64, run } from "../../standalone/graph/session.ts";
import { quantize } from "../../standalone/search/quantize.ts";
import { type Expected, largestDifference, readExpected } from "../expected.ts";

const featureTolerance = 1e-4;
const vectorTolerance = 1e-5;
/** Of 255 levels: a value that rounds up in one implementation may round down in the other. */
const pixelTolerance = 1;
/** Squared L2 distance between the two nearest codes below which the reference's float32 may take either. */
const tie = 1e-5;

const open = async (name: string) => {
  const folder = join(import.meta.dirname, name);
  return { checkpoint: await readModel(folder), expected: readExpected(join(folder, "expected.safetensors")) };
};
const floats = ({ data, shape }: Expected) => ({ data: data as Float32Array, shape });

describe.each(["vqrae-two-layers", "vqrae-sum-of-layers", "vqrae-last-layer"])("%s against PyTorch", (name) => {
  it("encodes to the same features", async () => {
    const { checkpoint, expected } = await open(name);
    const actual = await run(checkpoint.graphs.encode.build(checkpoint.weights.encoder, {}), {
      patches: floats(expected.patches!),
    });
    for (const output of ["features", "class_token", "quantizer_input"]) {
      expect(actual[output]!.shape, output).toEqual(expected[output]!.shape);
      expect(largestDifference(actual[output]!.data, expected[output]!.data), output).toBeLessThan(featureTolerance);
    }
  });

  it("quantizes to the same ids", async () => {
    const { checkpoint, expected } = await open(name);
    const encoded = await run(checkpoint.graphs.encode.build(checkpoint.weights.encoder, {}), {
      patches: floats(expected.patches!),
    });
    const { data, shape } = encoded.quantizer_input!;
    const ids = await quantize(checkpoint, { data: data as Float32Array, shape });
    const gap = expected.gap!.data;
    const decided = (values: ArrayLike<number>) => Array.from(gap, (g, i) => (g > tie ? values[i] : "tie"));
    expect(decided(ids)).toEqual(decided(expected.ids!.data));
  });

  it("looks up the same vectors", async () => {
    const { checkpoint, expected } = await open(name);
    const ids = int64(expected.ids!.data);
    const { vectors } = await run(checkpoint.graphs.codebook!({}), { ids: { data: ids, shape: [ids.length] } });
    expect(vectors!.shape).toEqual(expected.vectors!.shape);
    expect(largestDifference(vectors!.data, expected.vectors!.data)).toBeLessThan(vectorTolerance);
  });

  it("decodes to the same pixels", async () => {
    const { checkpoint, expected } = await open(name);
    const ids = { data: int64(expected.ids!.data), shape: expected.ids!.shape };
    const { pixels } = await run(checkpoint.graphs.decode!({}), { ids });
    expect(pixels!.shape).toEqual(expected.pixels!.shape);
    const reference = expected.pixels!.data;
    expect(largestDifference(pixels!.data, reference)).toBeLessThanOrEqual(pixelTolerance);
    // Cutting off instead of rounding stays within one level, but moves about every second value.
    const moved = reference.filter((value, i) => value !== pixels!.data[i]).length;
    expect(moved / reference.length).toBeLessThan(0.01);
  });
});
