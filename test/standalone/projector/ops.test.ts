import { describe, expect, it } from "vitest";
import { VqraeError } from "../../../sdk/errors.ts";
import { defineProjector, type ProjectorOp } from "../../../sdk/index.ts";
import { mmprojForm, projectorParts } from "../../../sdk/kit.ts";
import type { TensorRef } from "../../../sdk/weights/tensor-ref.ts";

const tensor = (...shape: number[]): TensorRef => ({ name: "t", dtype: "F32", shape, file: "f", offset: 0, length: 4 });
const weight = tensor(8);
const matrix = tensor(5, 8);

/** A projector of features of 8 numbers. */
const define = (...ops: unknown[]) =>
  defineProjector({
    type: "test",
    modelId: "test",
    inputDim: 8,
    features: { layers: [-1], tokens: "patches" },
    ops: ops as ProjectorOp[],
    layout: projectorParts.layout({}),
  });

function refusal(...ops: unknown[]): string {
  try {
    define(...ops);
  } catch (error) {
    if (VqraeError.isInstance(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

describe("a projector's ops", () => {
  it("give its width and the patches of a token, one after the other", () => {
    const { info } = define(
      { op: "average_pool", factor: 2 },
      { op: "pixel_shuffle", factor: 3 },
      { op: "linear", weight: tensor(72, 4), bias: tensor(4), transposed: true },
      { op: "activation", kind: "gelu" },
    );
    expect(info).toMatchObject({ outputDim: 4, patchesPerToken: 36 });
  });

  it.each<[op: object, message: RegExp]>([
    [{ op: "resampler" }, /^INVALID_ARGUMENT: Expected one of activation, .*unfold for the op .*received "resampler"/],
    [{}, /^INVALID_ARGUMENT: Expected one of activation, .* received nothing/],
    [
      { op: "pixel_shuffle", factor: 0 },
      /^INVALID_ARGUMENT: .*a whole number from 1 for factor of pixel_shuffle.* 0\./,
    ],
    [{ op: "pixel_shuffle" }, /^INVALID_ARGUMENT: .*factor of pixel_shuffle but received nothing/],
    [{ op: "average_pool", factor: 2, side: 2 }, /^INVALID_ARGUMENT: .*one of op, factor for .*average_pool.* side\./],
    [{ op: "activation", kind: "swiglu" }, /^INVALID_ARGUMENT: .*one of gelu, gelu_tanh, quick_gelu for kind of/],
    [{ op: "rms_norm", weight, offset: 2, epsilon: 1e-6 }, /^INVALID_ARGUMENT: .*0 or 1 for offset of rms_norm/],
    [{ op: "rms_norm", weight, offset: 0, epsilon: 0 }, /^INVALID_ARGUMENT: .*epsilon of rms_norm/],
    [{ op: "linear", weight: "w", bias: null, transposed: false }, /^INVALID_ARGUMENT: .*a tensor .* weight of linear/],
    // An RMSNorm is an op of its own.
    [{ op: "layer_norm", weight, bias: null, epsilon: 1e-6 }, /^INVALID_ARGUMENT: .*bias of layer_norm/],
    [{ op: "layer_norm", weight, bias: tensor(7), epsilon: 1e-6 }, /^INVALID_CHECKPOINT: .*8 numbers on axis 0/],
    [{ op: "rms_norm", weight: tensor(7), offset: 0, epsilon: 1e-6 }, /^INVALID_CHECKPOINT: .*8 numbers on axis 0/],
    [
      { op: "linear", weight: tensor(5, 7), bias: null, transposed: false },
      /^INVALID_CHECKPOINT: .*8 numbers on axis 1/,
    ],
    [
      { op: "linear", weight: tensor(5, 8), bias: null, transposed: true },
      /^INVALID_CHECKPOINT: .*8 numbers on axis 0/,
    ],
    [{ op: "linear", weight: matrix, bias: weight, transposed: false }, /^INVALID_CHECKPOINT: .*5 numbers on axis 0/],
    [{ op: "linear", weight: tensor(5, 8, 1), bias: null, transposed: false }, /^INVALID_CHECKPOINT: .*a matrix/],
  ])("%j is refused", (op, message) => {
    expect(refusal(op)).toMatch(message);
  });
});

describe("an op in llama.cpp's terms", () => {
  const linear = { op: "linear", weight: matrix, bias: null, transposed: false } as const;
  const step = { op: "linear", name: "mm.0", bias: true, transposed: false } as const;

  it("names its tensors, with zeros for a bias that a graph adds", () => {
    expect(mmprojForm(linear)?.tensors(linear, step)).toEqual([
      { name: "mm.0.weight", shape: [5, 8], source: matrix, large: true },
      { name: "mm.0.bias", shape: [5], source: null },
    ]);
    expect(mmprojForm(linear)?.tensors(linear, { ...step, bias: false })).toHaveLength(1);
  });

  it("needs constants, which are those of the graph or are not", () => {
    const { bias, transposed } = step;
    expect(mmprojForm(linear)?.constants(linear, step)).toEqual({ bias, transposed });
    const turned = { ...linear, bias: tensor(5), transposed: true };
    expect(mmprojForm(turned)?.constants(turned, { ...step, bias: false })).toEqual({ bias: true, transposed: true });
    const tanh = { op: "activation", kind: "gelu_tanh" } as const;
    expect(mmprojForm(tanh)?.constants(tanh, { op: "activation", kind: "gelu" })).toEqual({ kind: "gelu" });
  });

  it("has keys where cells become tokens, and adds what Gemma takes off", () => {
    const shuffle = { op: "pixel_shuffle", factor: 2 } as const;
    expect(mmprojForm(shuffle)?.keys?.(shuffle)).toEqual({ "clip.vision.projector.scale_factor": 2 });
    const norm = { op: "rms_norm", weight, offset: 1, epsilon: 1e-6 } as const;
    const named = { op: "rms_norm", name: "mm.soft_emb_norm", epsilon: 1e-6 } as const;
    expect(mmprojForm(norm)?.tensors(norm, named)).toEqual([
      { name: "mm.soft_emb_norm.weight", shape: [8], source: weight, offset: 1 },
    ]);
  });
});
