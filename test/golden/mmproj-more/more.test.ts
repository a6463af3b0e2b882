import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadProjector, VQRAE } from "../../../sdk/index.ts";
import { largestDifference, readExpected } from "../expected.ts";
import { partsOf } from "../projector/parts-of.ts";
import { pictures } from "../projector/pictures.ts";

/** mmproj files of llama.cpp's converters against what transformers makes of the models that they are of (make_more.py). */

const at = (name: string) => join(import.meta.dirname, name);

const names = [
  "lfm2-vl",
  "lfm2-vl-no-norm",
  "llava-1.5",
  "llava-1.5-layers",
  "llava-1.5-siglip",
  "llava-next",
  "yi-vl",
  "yi-vl-siglip",
  "janus-pro",
];
const files = [...names.map((name) => ({ name, file: `${name}.gguf` })), { name: "yi-vl", file: "yi-vl" }];

/** The embeddings are of a size of one to three. */
test.each(files)("$file gives the text of transformers, and its embeddings within 1e-4", async ({ name, file }) => {
  const projector = await loadProjector(at(file));
  await using tokenizer = await VQRAE.load(at(file), { device: "cpu", threads: 1, projector });
  const embedded = await tokenizer.embed(pictures);
  expect(embedded.map(partsOf)).toEqual(JSON.parse(await readFile(at(`${name}.json`), "utf8")));
  const expected = readExpected(at(`${name}.safetensors`));
  for (const [i, { segments }] of embedded.entries()) {
    const own = segments.flatMap((segment) => (segment.type === "embeddings" ? [...segment.data] : []));
    expect(largestDifference(own, expected[String(i)]!.data)).toBeLessThan(1e-4);
  }
});
