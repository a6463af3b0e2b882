import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { patchify } from "../../../sdk/image/patchify.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { loadProjector, VQRAE } from "../../../sdk/index.ts";
import { imageOf, largestDifference, readExpected } from "../expected.ts";

/** Against transformers' towers, projectors and processor (make_pixtral.py). */
const families = [
  { name: "pixtral", type: "llava", cell: 1 },
  { name: "mistral3", type: "mistral3", cell: 2 },
];
const [WIDTH, LLM_WIDTH] = [16, 12];

describe.each(families)("$name", ({ name, type, cell }) => {
  const folder = join(import.meta.dirname, name);
  const expected = readExpected(join(folder, "expected.safetensors"));
  const images = [0, 1, 2, 3].map((i) => {
    const [rows, columns] = expected[`${i}.grid`]!.data as Int32Array;
    return { i, image: imageOf(expected[`${i}.image`]!), grid: { rows: rows!, columns: columns! } };
  });

  it("gives the processor's patches", async () => {
    const { image: plan, encoder } = await readModel(folder);
    for (const { i, image } of images) {
      const patches = patchify([preprocess(image, plan)], encoder.patchSize, plan.mean, plan.std);
      expect(largestDifference(patches, expected[`${i}.patches`]!.data)).toBeLessThan(1e-6);
    }
  });

  it("gives the same features, and embeddings row by row", async () => {
    const projector = await loadProjector(folder);
    expect(projector.info).toMatchObject({ type, inputDim: WIDTH, outputDim: LLM_WIDTH, patchesPerToken: cell ** 2 });
    await using embedder = await VQRAE.load(folder, { device: "cpu", threads: 1, projector });
    for (const { i, image, grid } of images) {
      const encoded = await embedder.encode(image);
      expect(encoded.grid).toEqual(grid);
      expect(largestDifference(encoded.features, expected[`${i}.features`]!.data)).toBeLessThan(1e-4);

      const { segments } = await embedder.embed(image);
      const [rows, columns] = [grid.rows / cell, grid.columns / cell];
      expect(segments.map((one) => (one.type === "text" ? one.text : one.grid))).toEqual(
        Array.from({ length: rows }, (_, row) => [
          { rows: 1, columns },
          row === rows - 1 ? "[IMG_END]" : "[IMG_BREAK]",
        ]).flat(),
      );
      const data = segments.flatMap((one) => (one.type === "text" ? [] : [...one.data]));
      expect(largestDifference(Float32Array.from(data), expected[`${i}.embeddings`]!.data)).toBeLessThan(1e-4);
    }
  });
});
