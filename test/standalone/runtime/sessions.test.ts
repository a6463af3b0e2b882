import { describe, expect, it } from "vitest";
import { fromPlainError, toPlainError } from "../../../sdk/runtime/protocol.ts";
import { importOnnxRuntime, Sessions } from "../../../sdk/runtime/sessions.ts";

const image = {
  size: 8,
  resizeTo: 8,
  resample: "bicubic",
  geometry: "stretch",
  background: null,
  tiling: null,
  mean: [0, 0, 0],
  std: [1, 1, 1],
} as const;

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
    const graphs = { encoder: { bytes: Uint8Array.of(1, 2, 3), weightsFolder: ".", cpuNodes: [] } };
    const setup = { graphs, image, patchSize: 4, device: "cpu", threads: 1 } as const;
    const sessions = new Sessions(await importOnnxRuntime(), setup);
    await expect(sessions.open("encoder")).rejects.toMatchObject({ code: "RUNTIME" });
    await expect(sessions.open("decoder")).rejects.toMatchObject({ code: "RUNTIME" });
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
