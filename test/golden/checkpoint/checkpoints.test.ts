import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { patchify } from "../../../sdk/image/patchify.ts";
import { VQRAE } from "../../../sdk/index.ts";
import { buildEncoderGraph } from "../../../sdk/nn/vit/encoder.ts";
import { readTensor } from "../../../sdk/weights/read-tensor.ts";
import type { TensorRef } from "../../../sdk/weights/tensor-ref.ts";
import { run } from "../../standalone/graph/session.ts";
import { largestDifference, readExpected } from "../expected.ts";
import { pictures } from "./pictures.ts";

const featureTolerance = 1e-4;
/** A few units in the last place of numbers up to about 3. */
const pixelTolerance = 1e-6;

const at = (name: string) => join(import.meta.dirname, name);
const expectedOf = (name: string) => readExpected(join(at(name), "expected.safetensors"));

interface Case {
  readonly dtype: "F32" | "F16" | "BF16";
  readonly classToken: boolean;
  readonly eps: number;
  /** Of the MLP. */
  readonly intermediate?: number;
  /** Tokens between class token and patches, which are no features. */
  readonly registers?: number;
  /** Whether the last hidden state has gone through the final norm. */
  readonly postNorm?: boolean;
}

/** What each folder must give, beside the tiny sizes that all share. */
const cases: Record<string, Case> = {
  vit: { dtype: "F32", classToken: true, eps: 1e-6 },
  "vit-f16": { dtype: "F16", classToken: true, eps: 1e-6 },
  "vit-bf16": { dtype: "BF16", classToken: true, eps: 1e-6 },
  "vit-sharded": { dtype: "F32", classToken: true, eps: 1e-6 },
  "vit-classifier": { dtype: "F16", classToken: true, eps: 1e-12 },
  "siglip-vision": { dtype: "F32", classToken: false, eps: 1e-6 },
  siglip: { dtype: "BF16", classToken: false, eps: 1e-6 },
  clip: { dtype: "F32", classToken: true, eps: 1e-5, postNorm: false },
  llava: { dtype: "F32", classToken: true, eps: 1e-5, postNorm: false },
  dinov2: { dtype: "F32", classToken: true, eps: 1e-6, intermediate: 32 },
  "dinov2-swiglu": { dtype: "F32", classToken: true, eps: 1e-6, intermediate: 48 },
  "dinov2-registers": { dtype: "F32", classToken: true, eps: 1e-6, intermediate: 32, registers: 2 },
  internvl: { dtype: "F32", classToken: true, eps: 1e-6, postNorm: false },
  "internvl-6b": { dtype: "F32", classToken: true, eps: 1e-6, postNorm: false },
  "intern-vit-6b": { dtype: "F32", classToken: true, eps: 1e-6, postNorm: false },
  "internvl-chat": { dtype: "F32", classToken: true, eps: 1e-6, postNorm: false },
};

/** The sequences of the reference, [2, T, 16], without the registers' tokens. */
function withoutRegisters(data: ArrayLike<number>, registers: number): number[] {
  const tokens = data.length / 2 / 16;
  return Array.from(data).filter((_, i) => {
    const token = Math.floor(i / 16) % tokens;
    return token < 1 || token > registers;
  });
}

describe.each(Object.entries(cases))("%s, as transformers saved it", (name, { dtype, classToken, eps, ...rest }) => {
  const { intermediate = 24, registers = 0, postNorm: normed = true } = rest;
  test("loads and resolves", async () => {
    const checkpoint = await readModel(at(name));
    expect(checkpoint).toMatchObject({
      modelId: name,
      folder: at(name),
      codebook: null,
      decoder: null,
      encoder: { patchSize: 4, grid: 3, maxTokens: 9, featureDim: 16 },
      tower: {
        features: { layer: 3, postNorm: normed },
        spec: { hiddenSize: 16, intermediateSize: intermediate, heads: 2, patchSize: 4, grid: 3, layerNormEps: eps },
      },
    });
    const { spec } = checkpoint.tower!;
    expect(spec.classToken !== null).toBe(classToken);
    expect(spec.patchEmbedding.weight).toMatchObject({ dtype, shape: [16, 3, 4, 4] });
    expect(spec.blocks).toHaveLength(3);
  });

  test("gives the same pixels", async () => {
    const { image, tower } = await readModel(at(name));
    const { spec: encoder } = tower!;
    const [n, channels, height, width] = expectedOf(name).pixel_values!.shape;
    const side = encoder.imageSize!;
    expect([n, channels, height, width]).toEqual([2, 3, side, side]);
    const wanted = unfold(expectedOf(name).pixel_values!.data, side, encoder.patchSize);
    const patches = patchify(pictures(side), encoder.patchSize, image.mean, image.std);
    expect(largestDifference(patches, wanted)).toBeLessThan(pixelTolerance);
  });

  test("VQRAE.load and encode give the same features", async () => {
    const expected = expectedOf(name).last_hidden_state!;
    await using tokenizer = await VQRAE.load(at(name), { threads: 1 });
    const { featureDim, grid, inputSize } = tokenizer.info;
    expect([featureDim, grid]).toEqual([16, { rows: 3, columns: 3 }]);
    const encoded = await tokenizer.encode(pictures(inputSize!.width));
    // transformers keeps the class token and the patches in one sequence.
    const sequences = encoded.flatMap(({ classToken, features }) => [...(classToken ?? []), ...features!]);
    expect(encoded.map((image) => image.classToken?.length)).toEqual(Array(2).fill(classToken ? 16 : undefined));
    expect(largestDifference(sequences, withoutRegisters(expected.data, registers))).toBeLessThan(featureTolerance);
  });

  test.each([
    { layer: 1, postNorm: false, output: "hidden_states.1" },
    { layer: 2, postNorm: false, output: "hidden_states.2" },
    { layer: 3, postNorm: false, output: "hidden_states.3" },
    { layer: 3, postNorm: normed, output: "last_hidden_state" },
  ])("its graph gives $output", async ({ layer, postNorm, output }) => {
    const checkpoint = await readModel(at(name));
    const { image, tower } = checkpoint;
    const { spec: encoder } = tower!;
    const patches = patchify(pictures(encoder.imageSize!), encoder.patchSize, image.mean, image.std);
    const model = buildEncoderGraph({ encoder, quantizer: null, features: { layer, postNorm } });
    const shape = [patches.length / 48, 48];
    const { features, class_token } = await run(model, { patches: { data: patches, shape } });
    expect(features!.shape).toEqual([2, 9, 16]);
    const sequences = [0, 1].flatMap((n) => [
      ...(class_token?.data.subarray(n * 16, (n + 1) * 16) ?? []),
      ...features!.data.subarray(n * 9 * 16, (n + 1) * 9 * 16),
    ]);
    const wanted = withoutRegisters(expectedOf(name)[output]!.data, registers);
    expect(largestDifference(sequences, wanted)).toBeLessThan(featureTolerance);
  });
});

test("preprocessing comes from the file, not from the family", async () => {
  expect((await readModel(at("vit"))).image).toEqual({
    size: 12,
    resizeTo: 12,
    resample: "bilinear",
    geometry: "stretch",
    background: null,
    tiling: null,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  });
  expect((await readModel(at("siglip"))).image).toMatchObject({
    size: 14,
    resample: "bilinear",
    mean: [0.5, 0.5, 0.5],
  });
});

test("qkv_bias false means no bias on query, key and value alone", async () => {
  const { tower } = await readModel(at("vit-classifier"));
  const { attention, attentionOut } = tower!.spec.blocks[0]!;
  const { query, key, value } = attention.linears;
  const { out } = attentionOut.linears;
  expect([query.bias, key.bias, value.bias]).toEqual([null, null, null]);
  expect(out.bias?.shape).toEqual([16]);
});

test("shards hold the weights of the single file", async () => {
  const [whole, sharded] = [await readModel(at("vit")), await readModel(at("vit-sharded"))];
  const refs = (c: typeof whole): TensorRef[] => [
    c.tower!.spec.positions.table,
    ...c.tower!.spec.blocks.map((b) => b.mlpOut.linears.fc2.weight),
  ];
  for (const [i, ref] of refs(whole).entries()) {
    const other = refs(sharded)[i]!;
    expect(other.file).toMatch(/model-0000\d-of-00003\.safetensors$/);
    expect(await readTensor(other)).toEqual(await readTensor(ref));
  }
  expect(new Set(refs(sharded).map(({ file }) => file)).size).toBeGreaterThan(1);
});

/** [n, 3, side, side] -> [n * patches, 3 * p * p], the last rows and columns dropped where `p` does not divide `side`. */
function unfold(pixels: ArrayLike<number>, side: number, p: number): number[] {
  const grid = Math.floor(side / p);
  const images = pixels.length / (3 * side * side);
  return Array.from({ length: images * grid * grid * 3 * p * p }, (_, i) => {
    const [column, row, channel] = [i % p, Math.floor(i / p) % p, Math.floor(i / (p * p)) % 3];
    const patch = Math.floor(i / (3 * p * p));
    const [image, y, x] = [Math.floor(patch / grid ** 2), Math.floor((patch % grid ** 2) / grid), patch % grid];
    return pixels[((image * 3 + channel) * side + y * p + row) * side + x * p + column]!;
  });
}
