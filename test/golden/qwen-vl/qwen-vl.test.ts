import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { patchify } from "../../../sdk/image/patchify.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { loadProjector, VQRAE } from "../../../sdk/index.ts";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { int64, run } from "../../standalone/graph/session.ts";
import { cosine } from "../cosine.ts";
import { imageOf, largestDifference, readExpected } from "../expected.ts";

/** Against transformers' towers and processor (make_qwen_vl.py); its tokens brought to raster order. */
const families = [
  { name: "qwen2-vl", type: "qwen2_vl", deepstackLevels: 0 },
  { name: "qwen2-5-vl", type: "qwen2_5_vl", deepstackLevels: 0 },
  { name: "qwen3-vl", type: "qwen3_vl", deepstackLevels: 2 },
  { name: "qwen3-5", type: "qwen3_vl", deepstackLevels: 0 },
];
const [WIDTH, LLM_WIDTH] = [16, 12];

describe.each(families)("$name", ({ name, type, deepstackLevels }) => {
  const folder = join(import.meta.dirname, name);
  const expected = readExpected(join(folder, "expected.safetensors"));
  const images = [0, 1, 2, 3].flatMap((i) => {
    const shown = expected[`${i}.image`];
    if (shown === undefined) return [];
    const [rows, columns] = expected[`${i}.grid`]!.data as Int32Array;
    return [{ i, image: imageOf(shown), grid: { rows: rows!, columns: columns! } }];
  });

  let tower: VQRAE;
  beforeAll(async () => {
    tower = await VQRAE.load(folder, { device: "cpu", threads: 1 });
  });
  afterAll(() => tower.dispose());

  describe.each(images)("$grid", ({ i, image, grid }) => {
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
        change: { data: new Float32Array(48), shape: [1, 48] },
      };
      const { features } = await run(graphs.encode.build(weights.encoder, { fusedAttention }), feeds);
      expect(features!.shape).toEqual([1, grid.rows * grid.columns, WIDTH]);
      expect(largestDifference(features!.data, expected[`${i}.features`]!.data)).toBeLessThan(1e-4);
    });

    it("through VQRAE.load and encode", async () => {
      const encoded = await tower.encode(image);
      expect(encoded.grid).toEqual(grid);
      expect(largestDifference(encoded.features, expected[`${i}.features`]!.data)).toBeLessThan(1e-4);
    });
  });

  it("its mergers give the language model's embeddings, deepstack levels behind them", async () => {
    const projector = await loadProjector(folder);
    const outputDim = LLM_WIDTH * (1 + deepstackLevels);
    expect(projector.info).toMatchObject({ type, inputDim: WIDTH, outputDim, deepstackLevels, patchesPerToken: 4 });
    await using embedder = await VQRAE.load(folder, { device: "cpu", threads: 1, projector });
    for (const { i, image, grid } of images) {
      const { segments, embeddingDim } = await embedder.embed(image);
      expect(embeddingDim).toBe(outputDim);
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
    expect(cosine(a.features, b.features)).toBeGreaterThan(0.997);
    expect(a.features).not.toEqual(b.features);
  });
});
