import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { patchify } from "../../../sdk/image/patchify.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { VQRAE } from "../../../sdk/index.ts";
import { buildEncoderGraph } from "../../../sdk/nn/vit/encoder.ts";
import { int64, run } from "../../standalone/graph/session.ts";
import { largestDifference, readExpected } from "../expected.ts";
import { pattern } from "../image/fixtures.ts";

/** SigLIP2 NaFlex: images that keep their aspect ratio (`naflex` of make_checkpoints.py). */

const featureTolerance = 1e-4;
const pixelTolerance = 1e-6;
/** `NATIVE_SIZES` of make_checkpoints.py. */
const sizes = [
  [40, 30],
  [200, 9],
  [5, 200],
  [3, 5],
  [37, 53],
  [16, 16],
  [7, 90],
] as const;
const images = sizes.map(([width, height]) => pattern("mixed", width, height));

const at = (name: string) => join(import.meta.dirname, name);

describe.each([
  { name: "siglip2-naflex-vision", dtype: "F32" },
  { name: "siglip2-naflex", dtype: "BF16" },
])("$name, as transformers saved it", ({ name, dtype }) => {
  const expected = readExpected(join(at(name), "expected.safetensors"));
  const gridOf = (i: number) => Array.from(expected[`${i}.grid`]!.data);

  test("loads as an encoder without a grid of its own", async () => {
    const { image, tower } = await readModel(at(name));
    const { spec: encoder, features } = tower!;
    expect(image).toEqual({
      geometry: "native",
      pixels: null,
      tiles: null,
      patchSize: 4,
      maxPatches: 20,
      resample: "bilinear",
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
    });
    expect(encoder).toMatchObject({
      grid: null,
      imageSize: null,
      maxPatches: 20,
      classToken: null,
      channelsLast: true,
    });
    expect(encoder.patchEmbedding.weight).toMatchObject({ dtype, shape: [16, 48] });
    expect(encoder.positions).toMatchObject({ grid: 4 });
    expect(features).toEqual({ layer: 3, postNorm: true });
  });

  test.each(sizes.map((size, i) => [size, i] as const))("%j px: the same pixels", async (_, i) => {
    const { image, encoder } = await readModel(at(name));
    const pixels = preprocess(images[i]!, image);
    expect([pixels.height / 4, pixels.width / 4]).toEqual(gridOf(i));
    const patches = patchify([pixels], encoder.patchSize, image.mean, image.std);
    expect(largestDifference(channelsLast(patches), expected[`${i}.pixel_values`]!.data)).toBeLessThan(pixelTolerance);
  });

  test("VQRAE.load and encode give the same features, whatever shares the call", async () => {
    await using tokenizer = await VQRAE.load(at(name), { threads: 1, batchSize: 4 });
    expect(tokenizer.info).toMatchObject({
      inputSize: null,
      grid: null,
      maxTokens: 20,
      featureDim: 16,
      codebook: null,
    });
    const encoded = await tokenizer.encode(images);
    for (const [i, { grid, features, ...rest }] of encoded.entries()) {
      expect([grid.rows, grid.columns]).toEqual(gridOf(i));
      expect(largestDifference(features!, expected[`${i}.last_hidden_state`]!.data)).toBeLessThan(featureTolerance);
      expect(rest).toEqual({});
    }
    expect(await tokenizer.encode(images[2]!)).toEqual(encoded[2]);
    expect(await tokenizer.views(images[1]!)).toEqual([images[1]]);
  });

  test.each([
    [{ layer: -2 }, "hidden_states.2"],
    [{ postNorm: false }, "hidden_states.3"],
  ])("features %j are %s", async (features, output) => {
    await using tokenizer = await VQRAE.load(at(name), { threads: 1, features });
    const encoded = await tokenizer.encode(images);
    for (const [i, { features }] of encoded.entries())
      expect(largestDifference(features!, expected[`${i}.${output}`]!.data)).toBeLessThan(featureTolerance);
  });
});

test("an encoder with a class token and registers keeps them for every grid", async () => {
  // No such checkpoint is published; the graph's parts are independent of each other all the same.
  const checkpoint = await readModel(at("siglip2-naflex-vision"));
  const registered = await readModel(at("dinov2-registers"));
  const { classToken, registers } = registered.tower!.spec;
  const { image, tower } = checkpoint;
  const { spec: encoder, features: taken } = tower!;
  const patches = patchify([preprocess(images[0]!, image)], 4, image.mean, image.std);
  const feeds = { patches: { data: patches, shape: [20, 48] }, grid: { data: int64([4, 5]), shape: [2] } };
  expect(Object.keys(await run(checkpoint.graphs.encode.build(checkpoint.weights.encoder, {}), feeds))).toEqual([
    "features",
  ]);
  // Weights of two folders do not go into one graph; the same folder's own tensors stand in for both.
  const own = { ...encoder.blocks[0]!.attention.norm!.weight, shape: [1, 1, 16] };
  expect([classToken?.shape, registers?.shape]).toEqual([own.shape, [1, 2, 16]]);
  const table = { ...encoder.patchEmbedding.weight, shape: [17, 16], length: 17 * 16 * 4 };
  const model = buildEncoderGraph({
    features: taken,
    quantizer: null,
    encoder: { ...encoder, classToken: own, registers: own, positions: { ...encoder.positions, table } },
  });
  const { features, class_token } = await run(model, feeds);
  expect([features!.shape, class_token!.shape]).toEqual([
    [1, 20, 16],
    [1, 16],
  ]);
});

/** Patches [n, 3, p, p] -> [n, p, p, 3] for p = 4. */
const channelsLast = (patches: Float32Array): number[] =>
  Array.from(patches, (_, i) => {
    const [patch, place, channel] = [Math.floor(i / 48), Math.floor((i % 48) / 3), i % 3];
    return patches[patch * 48 + channel * 16 + place]!;
  });
