import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { convolution } from "../../../sdk/nn/layers/convolution.ts";
import { GraphBuilder } from "../../../sdk/nn/onnx/graph-builder.ts";
import { DataType } from "../../../sdk/nn/onnx/onnx-proto.ts";
import { fromPlainError, toPlainError } from "../../../sdk/runtime/pool/protocol.ts";
import { importOnnxRuntime, Sessions } from "../../../sdk/runtime/sessions/sessions.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";

describe("importOnnxRuntime", () => {
  it("says what was tried and how to mend it", async () => {
    const cause = new Error("Cannot find module '../bin/napi-v6/linux/x64/onnxruntime_binding.node'");
    const error = await importOnnxRuntime(() => Promise.reject(cause)).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "MISSING_DEPENDENCY", cause });
    const { message } = error as Error;
    expect(message).toContain("onnxruntime_binding.node");
    expect(message).toContain(`${process.platform}-${process.arch}`);
    expect(message).toContain("ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node");
  });
});

describe("Sessions", () => {
  it("turns a graph that onnxruntime refuses into RUNTIME, with its reason", async () => {
    const graphs = { encoder: { bytes: Uint8Array.of(1, 2, 3), weightsFolder: ".", identities: [], cpuNodes: [] } };
    const setup = { graphs, device: "cpu", threads: 1, precision: "fp32", prepack: false } as const;
    const sessions = new Sessions(await importOnnxRuntime(), setup);
    await expect(sessions.open("encoder")).rejects.toMatchObject({ code: "RUNTIME" });
    await expect(sessions.open("decoder")).rejects.toMatchObject({ code: "RUNTIME" });
  });
});

describe("a large convolution", () => {
  const [channels, side] = [256, 8]; // 3 * 3 * 256 * 256 numbers are more than 2^19

  /** What comes out of it, and the names that the session asks for. */
  async function convolved(dtype: "F32" | "F16", largeConvolutionsInPlace: boolean) {
    const folder = await mkdtemp(join(tmpdir(), "vqrae-convolution-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, "w.safetensors");
    const count = channels * channels * 9;
    const spread = (i: number) => ((i * 0.618034) % 1) - 0.3;
    const data =
      dtype === "F32" ? Float32Array.from({ length: count }, (_, i) => spread(i)) : new Uint16Array(count).fill(0x2c00);
    await writeSafetensors(path, [{ name: "w", dtype, shape: [channels, channels, 3, 3], data }]);
    const g = new GraphBuilder("convolution", { largeConvolutionsInPlace });
    const weight = { ...(await openSafetensors(path)).tensors.get("w")!, dtype };
    const x = g.input("x", DataType.float, [1, channels, side, side]);
    const twice = convolution(g, convolution(g, x, { weight, bias: null }), { weight, bias: null });
    g.output("y", twice, DataType.float, [1, channels, side, side]);
    const setup = { graphs: { encoder: g.finish() }, device: "cpu", threads: 1, prepack: undefined } as const;
    const sessions = new Sessions(await importOnnxRuntime(), { ...setup, precision: "fp32" });
    const pixels = Float32Array.from({ length: channels * side ** 2 }, (_, i) => spread(7 * i));
    const feeds = { x: sessions.tensor("float32", pixels, [1, channels, side, side]) };
    const { y } = await sessions.run("encoder", feeds, ["y"]);
    return { values: y!.data as Float32Array, asked: (await sessions.open("encoder")).inputNames };
  }

  it.each(["F32", "F16"] as const)("gives the same numbers where its weight stays in the file: %s", async (dtype) => {
    const [copied, inPlace] = [await convolved(dtype, false), await convolved(dtype, true)];
    expect(inPlace.asked).toEqual(["x"]);
    const largest = Math.max(...copied.values.map(Math.abs));
    for (const [i, value] of copied.values.entries())
      expect(Math.abs(inPlace.values[i]! - value)).toBeLessThan(1e-5 * largest);
  });
});

describe("products of bytes", () => {
  const [rows, width, columns] = [16, 64, 16];

  /** y = x weight, x in 8 bits: all of it the largest byte, 255, where the weights are the largest too. */
  async function sums(prepack: boolean): Promise<Float32Array> {
    const folder = await mkdtemp(join(tmpdir(), "vqrae-bytes-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, "w.safetensors");
    await writeSafetensors(path, [
      { name: "columns", dtype: "I8", shape: [width, columns], data: new Int8Array(width * columns).fill(127) },
      { name: "scales", dtype: "F32", shape: [columns], data: new Float32Array(columns).fill(1) },
    ]);
    const { tensors } = await openSafetensors(path);
    const g = new GraphBuilder("bytes");
    const linear = {
      columns: { ...tensors.get("columns")!, dtype: "I8" },
      scales: { ...tensors.get("scales")!, dtype: "F32" },
      bias: null,
    } as const;
    g.output("y", g.linear(g.input("x", DataType.float, ["t", width]), linear), DataType.float, ["t", columns]);
    const setup = { graphs: { encoder: g.finish() }, device: "cpu", threads: 1 } as const;
    const sessions = new Sessions(await importOnnxRuntime(), { ...setup, precision: "int8", prepack });
    const x = sessions.tensor("float32", new Float32Array(rows * width).fill(255), [rows, width]);
    return (await sessions.run("encoder", { x }, ["y"])).y!.data as Float32Array;
  }

  // On an x86 processor without VNNI they are not, unless the session is told (`productsSaturate`).
  it.each([false, true])("are exact where they are largest, prepacked: %s", async (prepack) => {
    expect(new Set(await sums(prepack))).toEqual(new Set([255 * 127 * width]));
  });
});

describe("errors that change thread", () => {
  it("survive as plain data, with a cycle of causes cut", () => {
    const error = new TypeError("first");
    error.cause = error;
    const back = fromPlainError(structuredClone(toPlainError(error)));
    expect(back.message).toBe("first");
    expect((back.cause as Error).message).toBe("first");
    expect(fromPlainError(toPlainError("text")).message).toBe("text");
  });
});
