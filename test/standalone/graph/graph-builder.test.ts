import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../../sdk/nn/onnx/graph-builder.ts";
import { DataType } from "../../../sdk/nn/onnx/onnx-proto.ts";
import type { TensorRef } from "../../../sdk/weights/tensor-ref.ts";
import { run } from "./session.ts";

const ref = (file: string, offset = 0): TensorRef => ({
  name: "w",
  dtype: "F32",
  shape: [2],
  file,
  offset,
  length: 8,
});

describe("GraphBuilder", () => {
  it("declares inputs and outputs with fixed and named sizes", async () => {
    const g = new GraphBuilder("test");
    const x = g.input("x", DataType.float, ["rows", 3]);
    g.output("y", g.cast(g.add(x, x), DataType.int32), DataType.int32, ["rows", 3]);
    const session = await ort.InferenceSession.create(g.finish().bytes);
    expect(session.inputMetadata).toMatchObject([{ name: "x", type: "float32", shape: ["rows", 3] }]);
    expect(session.outputMetadata).toMatchObject([{ name: "y", type: "int32", shape: ["rows", 3] }]);
    await session.release();
  });

  it("carries constants of any length unchanged", async () => {
    const values = fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(values, async (expected) => {
        const g = new GraphBuilder("test");
        const x = g.input("x", DataType.float, [expected.length]);
        g.output("y", g.multiply(x, g.floats(expected)), DataType.float, [expected.length]);
        const ones = new Float32Array(expected.length).fill(1);
        const { y } = await run(g.finish(), { x: { data: ones, shape: [ones.length] } });
        expect(y?.data).toEqual(Float32Array.from(expected));
      }),
      { numRuns: 20 },
    );
  });

  it("writes offsets beyond 32 bits in full", () => {
    const g = new GraphBuilder("test");
    g.weight(ref("/models/a/model.safetensors", 12_345_678_901_234));
    const text = Buffer.from(g.finish().bytes).toString("latin1");
    expect(text).toContain("12345678901234");
    expect(text).toContain("model.safetensors");
    expect(text).not.toContain("/models");
  });

  it("leaves large weights of convolutions in the file alone where it is told so, and keeps small and 16-bit ones constants", () => {
    const sizeOf = (largeConvolutionsInPlace: boolean, side: number, dtype: "F32" | "F16") => {
      const g = new GraphBuilder("test", { largeConvolutionsInPlace });
      const weight: TensorRef = { ...ref("/models/a/model.safetensors"), dtype, shape: [side, side, 3, 3] };
      for (let i = 0; i < 2; i++) g.convolutionWeight(weight);
      return g.finish().bytes.length;
    };
    const declared = (side: number, dtype: "F32" | "F16") => sizeOf(true, side, dtype) > sizeOf(false, side, dtype);
    expect([declared(256, "F32"), declared(128, "F32"), declared(256, "F16")]).toEqual([true, false, false]);
  });

  it("declares a weight that is used twice once", () => {
    const size = (times: number) => {
      const g = new GraphBuilder("test");
      for (let i = 0; i < times; i++) g.weight({ ...ref("/models/a/model.safetensors"), dtype: "F16" });
      return g.finish().bytes.length;
    };
    expect(size(2)).toBe(size(1));
  });

  it("takes weights of several folders, whose files may have one name", () => {
    const g = new GraphBuilder("test");
    const names = ["/models/a/1.safetensors", "/models/a/2.safetensors"].map((file) => g.weight(ref(file)));
    expect(g.finish().weightsFolder).toBe("/models/a");
    names.push(g.weight(ref("/models/b/inner/1.safetensors")), g.weight(ref("/models/a/1.safetensors")));
    const { bytes, weightsFolder } = g.finish();
    expect(weightsFolder).toBe("/models");
    expect(Buffer.from(bytes).toString("latin1")).toContain("b/inner/1.safetensors");
    expect(new Set(names).size).toBe(3);
    expect(names[3]).toBe(names[0]);
  });

  it("finds the largest numbers, of equal ones the first", async () => {
    const rows = fc.array(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 40, maxLength: 40 }), {
      minLength: 1,
      maxLength: 9,
    });
    await fc.assert(
      fc.asyncProperty(rows, async (x) => {
        const g = new GraphBuilder("test");
        const input = g.input("x", DataType.float, ["rows", 40]);
        const { values, columns } = g.largest(input, 3);
        g.output("values", values, DataType.float, ["rows", 3]);
        g.output("columns", g.cast(columns, DataType.int32), DataType.int32, ["rows", 3]);
        const actual = await run(g.finish(), { x: { data: Float32Array.from(x.flat()), shape: [x.length, 40] } });
        const best = x.map((row) => [...row.entries()].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 3));
        expect([...actual.columns!.data]).toEqual(best.flat().map(([column]) => column));
        expect([...actual.values!.data]).toEqual(best.flat().map(([, value]) => value));
      }),
      { numRuns: 20 },
    );
  });
});
