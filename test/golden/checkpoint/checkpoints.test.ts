import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TensorRef } from "../../../sdk/checkpoint/checkpoint.ts";
import { isWeightDtype } from "../../../sdk/checkpoint/dtypes.ts";
import { loadCheckpoint } from "../../../sdk/checkpoint/load-checkpoint.ts";
import { readTensor } from "../../../sdk/checkpoint/read-tensor.ts";
import { openSafetensors } from "../../../sdk/checkpoint/safetensors.ts";
import { forward } from "./forward.ts";

const at = (name: string) => join(import.meta.dirname, name);

async function expectedTensor(checkpoint: string, name: string): Promise<Float32Array> {
  const tensor = (await openSafetensors(join(at(checkpoint), "expected.safetensors"))).tensors.get(name)!;
  const { dtype } = tensor;
  if (!isWeightDtype(dtype)) throw new Error(`${name} is ${dtype}`);
  return readTensor({ ...tensor, dtype });
}

/** What each folder must give, beside the tiny sizes that all share. */
const cases = {
  vit: { dtype: "F32", grid: 5, classToken: true, eps: 1e-6 },
  "vit-f16": { dtype: "F16", grid: 5, classToken: true, eps: 1e-6 },
  "vit-bf16": { dtype: "BF16", grid: 5, classToken: true, eps: 1e-6 },
  "vit-sharded": { dtype: "F32", grid: 5, classToken: true, eps: 1e-6 },
  "vit-classifier": { dtype: "F32", grid: 5, classToken: true, eps: 1e-12 },
  "siglip-vision": { dtype: "F32", grid: 5, classToken: false, eps: 1e-6 },
  siglip: { dtype: "F32", grid: 5, classToken: false, eps: 1e-6 },
} as const;

describe.each(Object.entries(cases))("%s, as transformers saved it", (name, { dtype, grid, classToken, eps }) => {
  test("loads and resolves", async () => {
    const checkpoint = await loadCheckpoint(at(name));
    expect(checkpoint).toMatchObject({
      modelId: name,
      folder: at(name),
      features: { layer: 2, postNorm: true },
      quantizer: null,
      decoder: null,
      encoder: { hiddenSize: 32, intermediateSize: 48, heads: 2, patchSize: 4, grid, layerNormEps: eps },
    });
    expect(checkpoint.encoder.classToken !== null).toBe(classToken);
    expect(checkpoint.encoder.patchEmbedding.weight).toMatchObject({ dtype, shape: [32, 3, 4, 4] });
    expect(checkpoint.encoder.blocks).toHaveLength(2);
  });

  test("its tensors give transformers' hidden states", async () => {
    const { encoder, image } = await loadCheckpoint(at(name));
    const pixels = await expectedTensor(name, "pixel_values");
    expect(pixels.length).toBe(3 * image.size ** 2);
    const states = (await forward(encoder, pixels)).map((rows) => rows.flat());
    for (const [k, key] of ["hidden_states.0", "hidden_states.1", "hidden_states.2", "last_hidden_state"].entries()) {
      const wanted = await expectedTensor(name, key);
      expect(states[k]).toHaveLength(wanted.length);
      expect(Math.max(...states[k]!.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-4);
    }
  });

  test("its preprocessor_config.json gives the pixels of the formula image", async () => {
    const { image } = await loadCheckpoint(at(name));
    const wanted = await expectedTensor(name, "pixel_values");
    const side = image.size;
    const worst = wanted.reduce((largest, value, i) => {
      const [c, y, x] = [Math.floor(i / side ** 2), Math.floor(i / side) % side, i % side];
      const pixel = ((x * 7 + y * 13 + c * 29) * 37) % 256;
      return Math.max(largest, Math.abs((pixel / 255 - image.mean[c]!) / image.std[c]! - value));
    }, 0);
    expect(worst).toBeLessThan(1e-6);
  });
});

test("preprocessing comes from the file, not from the family", async () => {
  expect((await loadCheckpoint(at("vit"))).image).toEqual({
    size: 20,
    resizeTo: 20,
    resample: "bilinear",
    geometry: "stretch",
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  });
  expect((await loadCheckpoint(at("siglip"))).image).toMatchObject({
    size: 22,
    resample: "bilinear",
    mean: [0.5, 0.5, 0.5],
  });
});

test("qkv_bias false means no bias on query, key and value alone", async () => {
  const { encoder } = await loadCheckpoint(at("vit-classifier"));
  const { query, key, value, out } = encoder.blocks[0]!;
  expect([query.bias, key.bias, value.bias]).toEqual([null, null, null]);
  expect(out.bias?.shape).toEqual([32]);
});

test("shards hold the weights of the single file", async () => {
  const [whole, sharded] = [await loadCheckpoint(at("vit")), await loadCheckpoint(at("vit-sharded"))];
  const refs = (c: typeof whole): TensorRef[] => [c.encoder.positions, ...c.encoder.blocks.map((b) => b.fc2.weight)];
  for (const [i, ref] of refs(whole).entries()) {
    const other = refs(sharded)[i]!;
    expect(other.file).toMatch(/model-0000\d-of-00003\.safetensors$/);
    expect(await readTensor(other)).toEqual(await readTensor(ref));
  }
});
