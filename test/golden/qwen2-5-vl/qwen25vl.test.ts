import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { patchify } from "../../../sdk/image/patchify.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { loadProjector, type RgbImage, VQRAE } from "../../../sdk/index.ts";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { int64, run } from "../../standalone/graph/session.ts";
import { cosine } from "../cosine.ts";
import { largestDifference, readExpected } from "../expected.ts";

/** Against transformers' tower and processor (make_qwen25vl.py); its tokens brought to raster order. */
const folder = join(import.meta.dirname, "tiny");
const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const images = [0, 1, 2, 3, 4, 5].map((i) => {
  const { data, shape } = expected[`${i}.image`]!;
  const image: RgbImage = { data: data as Uint8Array, width: shape[1]!, height: shape[0]! };
  const [rows, columns] = expected[`${i}.grid`]!.data as Int32Array;
  return { i, image, grid: { rows: rows!, columns: columns! } };
});

let tower: VQRAE;
beforeAll(async () => {
  tower = await VQRAE.load(folder, { device: "cpu", threads: 1 });
});
afterAll(() => tower.dispose());

describe.each(images)("Qwen2.5-VL, $grid", ({ i, image, grid }) => {
  it("gives the processor's patches", async () => {
    const { image: plan, encoder } = await readModel(folder);
    const patches = patchify([preprocess(image, plan)], encoder.patchSize, plan.mean, plan.std);
    expect(largestDifference(patches, expected[`${i}.patches`]!.data)).toBeLessThan(1e-6);
  });

  it.each([true, false])("gives the same features, attention in one operator: %s", async (fusedAttention) => {
    const { graphs, weights } = await readModel(folder);
    const { data, shape } = expected[`${i}.patches`]!;
    const feeds = {
      patches: { data: data as Float32Array, shape },
      grid: { data: int64([grid.rows, grid.columns]), shape: [2] },
    };
    const { features } = await run(graphs.encode.build(weights.encoder, { fusedAttention }), feeds);
    expect(features!.shape).toEqual([1, grid.rows * grid.columns, 32]);
    expect(largestDifference(features!.data, expected[`${i}.features`]!.data)).toBeLessThan(1e-4);
  });

  it("through VQRAE.load and encode", async () => {
    const encoded = await tower.encode(image);
    expect(encoded.grid).toEqual(grid);
    expect(largestDifference(encoded.features, expected[`${i}.features`]!.data)).toBeLessThan(1e-4);
  });
});

it("its merger gives the language model's embeddings", async () => {
  const projector = await loadProjector(folder);
  expect(projector.info).toMatchObject({ type: "qwen2_5_vl", inputDim: 32, outputDim: 24, patchesPerToken: 4 });
  await using embedder = await VQRAE.load(folder, { device: "cpu", threads: 1, projector });
  for (const { i, image, grid } of images) {
    const { segments } = await embedder.embed(image);
    const [before, embeddings, after] = segments;
    expect([before, after]).toEqual([
      { type: "text", text: "<|vision_start|>" },
      { type: "text", text: "<|vision_end|>" },
    ]);
    if (embeddings?.type !== "embeddings") throw new Error("no embeddings");
    expect(embeddings.grid).toEqual({ rows: grid.rows / 2, columns: grid.columns / 2 });
    expect(largestDifference(embeddings.data, expected[`${i}.embeddings`]!.data)).toBeLessThan(1e-4);
  }
});

it("in 8 bits its features point where those in fp32 do", async () => {
  const cacheDir = await temporaryFolder();
  await using int8 = await VQRAE.load(folder, { threads: 1, precision: "int8", cacheDir });
  const { image } = images[0]!;
  const [a, b] = [await tower.encode(image), await int8.encode(image)];
  expect(cosine(a.features, b.features)).toBeGreaterThan(0.999);
  expect(a.features).not.toEqual(b.features);
});
