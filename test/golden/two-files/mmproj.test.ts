import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { swapVit } from "../../../adapters/vit-swap/index.ts";
import { loadProjector, VQRAE } from "../../../sdk/index.ts";
import { temporaryFolder, writeJson } from "../../standalone/checkpoint/temporary.ts";
import { largestDifference, readExpected } from "../expected.ts";
import { partsOf } from "../projector/parts-of.ts";
import { families, imagesOf, square } from "./pictures.ts";

/** mmproj files of llama.cpp's converter against what transformers makes of the models that they are of (make_two_files.py). */

/** Of the largest number of an embedding. The large tensors of these models are numbers of 16 bits, so that F16 is exact too. */
const tolerance = 1e-4;

const files = families.flatMap((name) => (["f32", "f16"] as const).map((dtype) => ({ name, dtype })));

describe.each(files)("$name in $dtype", ({ name, dtype }) => {
  const folder = join(import.meta.dirname, name);
  const file = join(folder, `mmproj-${dtype}.gguf`);

  it("gives the embeddings of transformers, and the text of the model's own folder", async () => {
    const { side } = JSON.parse(await readFile(join(folder, "expected.json"), "utf8"));
    const images = imagesOf(side);
    const expected = readExpected(join(folder, "embeddings.safetensors"));
    const load = async (path: string) =>
      VQRAE.load(path, { device: "cpu", threads: 1, projector: await loadProjector(path) });
    await using tokenizer = await load(file);
    await using own = await load(folder);
    for (const key of ["native", "photo"] as const) {
      const [image] = images[key];
      const embedded = await tokenizer.embed(image!);
      const data = embedded.segments.flatMap((segment) => (segment.type === "embeddings" ? [...segment.data] : []));
      const { data: wanted } = expected[key]!;
      const largest = Math.max(...Array.from(wanted, Math.abs));
      expect(largestDifference(data, wanted) / largest).toBeLessThan(tolerance);
      expect(partsOf(embedded)).toEqual(partsOf(await own.embed(image!)));
    }
  });

  it("has the projector of that folder", async () => {
    const { modelId, ...info } = (await loadProjector(file)).info;
    const { modelId: _, ...expected } = (await loadProjector(folder)).info;
    expect(info).toEqual(expected);
    expect(modelId).toBe(`mmproj-${dtype}`);
  });
});

it("Qwen3.5's, which has no deepstack levels, is read as its folder is", async () => {
  const folder = await temporaryFolder();
  const source = join(import.meta.dirname, "../qwen-vl/qwen3-5");
  for (const name of ["config.json", "model.safetensors"]) await copyFile(join(source, name), join(folder, name));
  const fields = JSON.parse(await readFile(join(source, "preprocessor_config.json"), "utf8"));
  // An mmproj has the limits of the published models.
  await writeJson(folder, "preprocessor_config.json", {
    ...fields,
    size: { shortest_edge: 65536, longest_edge: 16777216 },
  });
  const mmproj = join(folder, "mmproj.gguf");
  await swapVit(folder, folder, mmproj, { float: "F32" });
  const results = [];
  for (const path of [folder, mmproj]) {
    const projector = await loadProjector(path);
    expect(projector.info).toMatchObject({ type: "qwen3_vl", deepstackLevels: 0 });
    await using tokenizer = await VQRAE.load(path, { device: "cpu", threads: 1, projector });
    const { segments } = await tokenizer.embed(square(256));
    results.push(segments.flatMap((segment) => (segment.type === "embeddings" ? [...segment.data] : [])));
  }
  expect(largestDifference(results[0]!, results[1]!)).toBeLessThan(1e-5);
});
