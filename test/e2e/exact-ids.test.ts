import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import type { Model } from "../../sdk/families/model.ts";
import { readModel } from "../../sdk/families/read-model.ts";
import { patchify } from "../../sdk/image/patchify.ts";
import { preprocess } from "../../sdk/image/preprocess.ts";
import { readImage, VQRAE } from "../../sdk/index.ts";
import { buildCodeTables } from "../../sdk/search/build-code-tables.ts";
import { CodeSearch } from "../../sdk/search/code-search.ts";
import { int64, run } from "../standalone/graph/session.ts";
import { nearestReference } from "../standalone/search/reference.ts";
import { searchGraphs } from "../standalone/search/runner.ts";

/** The shipped model's real tokens among its real codes. */

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const photos = ["astronaut", "cat", "coffee", "rocket"].map((name) => path(`examples/images/${name}.jpg`));

let model: Model;
let codes: Float32Array;
beforeAll(async () => {
  model = await readModel(path("models/vqrae-tiny"));
  const ids = int64(Array.from({ length: model.codebook!.size }, (_, id) => id));
  const { vectors } = await run(model.graphs.codebook!({}), { ids: { data: ids, shape: [ids.length] } });
  codes = vectors!.data as Float32Array;
});

async function tokensOf(photo: string): Promise<Float32Array> {
  const { image, encoder } = model;
  const pixels = [preprocess(await readImage(photo), image)];
  const data = patchify(pixels, encoder.patchSize, image.mean, image.std);
  const tokens = encoder.grid! ** 2;
  const encoded = await run(model.graphs.encode.build(model.weights.encoder, {}), {
    patches: { data, shape: [tokens, data.length / tokens] },
  });
  const { data: input, shape } = encoded.quantizer_input!;
  const feeds = { quantizer_input: { data: input as Float32Array, shape } };
  return (await run(model.graphs.quantize!({}), feeds)).vectors!.data as Float32Array;
}

describe("the shipped model's ids", () => {
  test("are the nearest codes, exactly", async () => {
    await using tokenizer = await VQRAE.load("default", { threads: 1 });
    const encoded = await tokenizer.encode(photos, { features: false });
    for (const [i, photo] of photos.entries()) {
      expect(encoded[i]!.ids).toEqual(nearestReference(await tokensOf(photo), codes, model.codebook!.dim));
    }
  });

  test("are found along few directions, nearly all of them", async () => {
    const { size, dim } = model.codebook!;
    const graphs = await searchGraphs(size);
    const tables = await buildCodeTables(graphs, codes, size, dim);
    expect(tables.filter?.kind).toBe("projected");
    const way = new CodeSearch(graphs, tables);
    await way.nearest(await tokensOf(photos[0]!));
    expect(way.counts.filtered).toBeGreaterThan(0.95 * 196);
  });
});
