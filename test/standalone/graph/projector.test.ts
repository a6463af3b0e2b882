import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitProjector } from "../../../sdk/families/projector/fit-projector.ts";
import { defineProjector, type ProjectorOp } from "../../../sdk/index.ts";
import { GraphBuilder } from "../../../sdk/nn/onnx/graph-builder.ts";
import { DataType } from "../../../sdk/nn/onnx/onnx-proto.ts";
import { buildProjectorGraph, step } from "../../../sdk/nn/ops/projector.ts";
import { buildEncoderGraph } from "../../../sdk/nn/vit/encoder.ts";
import type { TensorRef } from "../../../sdk/weights/tensor-ref.ts";
import { largestDifference } from "../../golden/expected.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";
import { int64, run } from "./session.ts";
import { writeTinyCheckpoint } from "./tiny-checkpoint.ts";

/** Of the tiny encoder, which has 3 x 3 patches. Each test compares with the op written out over its features. */
const width = 16;
const layout = {
  prefix: "",
  suffix: "",
  tiles: { kind: "separate", tile: "", rowEnd: "", whole: "", wholeAlone: "" },
  attention: "causal",
} as const;

/** Weights in a file of its own, in another folder than the encoder's. */
async function weights(): Promise<(shape: number[], values?: number[]) => { ref: TensorRef; values: number[] }> {
  const file = join(await temporaryFolder(), "projector.safetensors");
  const all: number[] = [];
  return (shape, given) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const values = given ?? Array.from({ length: count }, (_, i) => Math.fround(Math.sin(i * 1.7 + all.length)));
    const ref = {
      name: `w${all.length}`,
      dtype: "F32",
      shape,
      file,
      offset: all.length * 4,
      length: count * 4,
    } as const;
    all.push(...values);
    writeFileSync(file, Float32Array.from(all));
    return { ref, values };
  };
}

/** The features of two images [2, 9, 16], and what `ops` make of them. */
async function project(ops: readonly ProjectorOp[]) {
  const projector = defineProjector({
    type: "test",
    modelId: "test",
    inputDim: width,
    features: { layers: [-1], tokens: "patches" },
    ops,
    layout,
  });
  const tiny = writeTinyCheckpoint(await temporaryFolder());
  const { encoder, features: taken } = tiny;
  const spec = fitProjector(tiny.base, { spec: encoder, features: taken }, projector);
  const patches = { data: Float32Array.from({ length: 2 * 9 * 48 }, (_, i) => Math.sin(i)), shape: [18, 48] };
  const { features } = await run(buildEncoderGraph(tiny), { patches });
  const { embeddings } = await run(buildProjectorGraph({ encoder, projector: spec }), { patches });
  const rows = (data: ArrayLike<number>, d: number) =>
    Array.from({ length: data.length / d }, (_, i) => Array.from(data).slice(i * d, (i + 1) * d));
  return { features: rows(features!.data, width), embeddings: embeddings!, info: projector.info };
}

describe("a projector's ops over the encoder's features", () => {
  it("no op gives the features", async () => {
    const { features, embeddings } = await project([]);
    expect(embeddings.shape).toEqual([2, 9, width]);
    expect([...embeddings.data]).toEqual(features.flat());
  });

  it("pixel_shuffle puts a cell's tokens side by side, row by row", async () => {
    const { features, embeddings, info } = await project([{ op: "pixel_shuffle", factor: 3 }]);
    expect(embeddings.shape).toEqual([2, 1, 9 * width]);
    expect([...embeddings.data]).toEqual(features.flat());
    expect(info).toMatchObject({ outputDim: 9 * width, patchesPerToken: 9 });
  });

  it("average_pool takes a cell's mean", async () => {
    const { features, embeddings } = await project([{ op: "average_pool", factor: 3 }]);
    expect(embeddings.shape).toEqual([2, 1, width]);
    const means = [0, 1].flatMap((n) =>
      Array.from({ length: width }, (_, d) => {
        const cell = features.slice(n * 9, (n + 1) * 9);
        return cell.reduce((sum, row) => sum + row[d]!, 0) / 9;
      }),
    );
    expect(largestDifference(embeddings.data, means)).toBeLessThan(1e-5);
  });

  it("linear takes [out, in] and, transposed, [in, out]", async () => {
    const weight = await weights();
    const plain = weight([5, width]);
    const bias = weight([5]);
    const turned = weight(
      [width, 5],
      Array.from({ length: width * 5 }, (_, i) => plain.values[(i % 5) * width + Math.floor(i / 5)]!),
    );
    const expected = (rows: number[][], b: number[]) =>
      rows.flatMap((row) =>
        b.map((added, o) => added + row.reduce((sum, x, i) => sum + x * plain.values[o * width + i]!, 0)),
      );
    const first = await project([{ op: "linear", weight: plain.ref, bias: bias.ref, transposed: false }]);
    expect(largestDifference(first.embeddings.data, expected(first.features, bias.values))).toBeLessThan(1e-4);
    const second = await project([{ op: "linear", weight: turned.ref, bias: null, transposed: true }]);
    expect(largestDifference(second.embeddings.data, expected(second.features, Array(5).fill(0)))).toBeLessThan(1e-4);
  });

  it.each([0, 1] as const)("rms_norm adds %i to its weights", async (offset) => {
    const scale = (await weights())([width]);
    const { features, embeddings } = await project([{ op: "rms_norm", weight: scale.ref, offset, epsilon: 1e-3 }]);
    const expected = features.flatMap((row) => {
      const rms = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / width + 1e-3);
      return row.map((x, i) => (x / rms) * (scale.values[i]! + offset));
    });
    expect(largestDifference(embeddings.data, expected)).toBeLessThan(1e-5);
  });
});

describe("cells of tokens, for any grid", () => {
  /** One op over tokens that are numbered from 0 in their first number and from 0.5 in their second. */
  async function ofGrid(rows: number, columns: number, op: ProjectorOp): Promise<number[]> {
    const g = new GraphBuilder("test");
    const value = g.input("x", DataType.float, ["tokens", 2]);
    const across = g.input("columns", DataType.int64, [1]);
    g.output("y", step(g, { value, width: 2, columns: across }, op).value, DataType.float, ["cells", "width"]);
    const data = Float32Array.from({ length: rows * columns * 2 }, (_, i) => i / 2);
    const feeds = { x: { data, shape: [rows * columns, 2] }, columns: { data: int64([columns]), shape: [1] } };
    return [...(await run(g.finish(), feeds)).y!.data];
  }
  /** The tokens of each cell, from the definition. */
  const cellsOf = (rows: number, columns: number, f: number): number[][] =>
    Array.from({ length: (rows / f) * (columns / f) }, (_, cell) => {
      const [top, left] = [Math.floor(cell / (columns / f)) * f, (cell % (columns / f)) * f];
      return Array.from({ length: f * f }, (_, i) => (top + Math.floor(i / f)) * columns + left + (i % f));
    });
  const size = fc.integer({ min: 1, max: 4 });

  it("are InternVL's (version 2) and Idefics3's", async () => {
    const tokens = (await ofGrid(4, 4, { op: "pixel_shuffle", factor: 2 })).filter((_, i) => i % 2 === 0);
    expect(tokens).toEqual([0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]);
  });

  it("side by side", () =>
    fc.assert(
      fc.asyncProperty(size, size, fc.integer({ min: 1, max: 3 }), async (r, c, factor) => {
        const shuffled = await ofGrid(r * factor, c * factor, { op: "pixel_shuffle", factor });
        const expected = cellsOf(r * factor, c * factor, factor).flat();
        expect(shuffled).toEqual(expected.flatMap((token) => [token, token + 0.5]));
      }),
      { numRuns: 20 },
    ));

  it("averaged", () =>
    fc.assert(
      fc.asyncProperty(size, size, fc.integer({ min: 1, max: 3 }), async (r, c, factor) => {
        const pooled = await ofGrid(r * factor, c * factor, { op: "average_pool", factor });
        const means = cellsOf(r * factor, c * factor, factor).map((cell) => cell.reduce((a, b) => a + b) / cell.length);
        expect(
          largestDifference(
            pooled,
            means.flatMap((mean) => [mean, mean + 0.5]),
          ),
        ).toBeLessThan(1e-4);
      }),
      { numRuns: 20 },
    ));
});
