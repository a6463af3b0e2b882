import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { swapVit } from "../../../adapters/vit-swap/index.ts";
import { loadProjector, VQRAE } from "../../../sdk/index.ts";
import { failure, temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { largestDifference, readExpected } from "../expected.ts";
import { partsOf } from "../projector/parts-of.ts";
import { pictures } from "../projector/pictures.ts";

/** mmproj files of llama.cpp's converter against what transformers makes of the models that they are of (make_mmproj.py). */

const at = (name: string) => join(import.meta.dirname, name);
const model = (name: string) => join(import.meta.dirname, "../projector", name);

async function load(file: string): Promise<VQRAE> {
  const tokenizer = await VQRAE.load(file, { device: "cpu", threads: 1 });
  onTestFinished(() => tokenizer.dispose());
  return tokenizer;
}

/** Of embeddings of a size of one to five. The converter writes gemma3's projection in 16 bits whatever it is asked for. */
const fixtures = [
  { name: "idefics3", dtype: "f32", tolerance: 1e-4 },
  { name: "idefics3", dtype: "f16", tolerance: 1e-2 },
  { name: "gemma3", dtype: "f32", tolerance: 5e-3 },
  { name: "gemma3", dtype: "f16", tolerance: 1e-2 },
  { name: "internvl", dtype: "f32", tolerance: 1e-4 },
  { name: "internvl", dtype: "f16", tolerance: 1e-2 },
];

describe.each(fixtures)("$name in $dtype", ({ name, dtype, tolerance }) => {
  it("gives the embeddings and the text of the model's own folder", async () => {
    const tokenizer = await load(at(`${name}-${dtype}.gguf`));
    const embedded = await tokenizer.embed(pictures);
    const numbers = readExpected(join(model(name), "expected.safetensors"));
    const parts = JSON.parse(await readFile(join(model(name), "expected.json"), "utf8"));
    expect(embedded.map(partsOf)).toEqual(parts);
    for (const [i, { segments }] of embedded.entries()) {
      const own = segments.flatMap((segment) => (segment.type === "embeddings" ? [...segment.data] : []));
      const { data } = numbers[String(i)]!;
      expect(own.length).toBe(data.length);
      expect(largestDifference(own, data)).toBeLessThan(tolerance);
    }
  });

  it("has the projector of that folder", async () => {
    const { modelId, ...own } = (await loadProjector(at(`${name}-${dtype}.gguf`))).info;
    const { modelId: _, ...expected } = (await loadProjector(model(name))).info;
    expect(own).toEqual(expected);
    expect(modelId).toBe(`${name}-${dtype}`);
  });
});

it("positions in llama.cpp's order, which vqrae swap writes for towers with a class token, are put back", async () => {
  const folder = await temporaryFolder();
  const [ordered, again] = [join(folder, "internvl.gguf"), join(folder, "again.gguf")];
  await swapVit(model("internvl"), model("internvl"), ordered, { float: "F32" });
  // Another tower goes into the same file.
  await swapVit(ordered, model("internvl"), again, { float: "F32" });
  const numbers = readExpected(join(model("internvl"), "expected.safetensors"));
  for (const file of [ordered, again]) {
    const embedded = await (await load(file)).embed(pictures);
    for (const [i, { segments }] of embedded.entries()) {
      const own = segments.flatMap((segment) => (segment.type === "embeddings" ? [...segment.data] : []));
      expect(largestDifference(own, numbers[String(i)]!.data)).toBeLessThan(1e-4);
    }
  }
});

const idefics3 = at("idefics3-f32.gguf");

/** A copy of the file with `change` made to its bytes. */
async function changed(change: (bytes: Buffer) => Buffer): Promise<string> {
  const file = join(await temporaryFolder(), "mmproj.gguf");
  await writeFile(file, change(await readFile(idefics3)));
  return file;
}

/** The bytes with `text` as another text of the same length. */
const renamed = (text: string, other: string) => (bytes: Buffer) => {
  const at = bytes.lastIndexOf(text);
  expect(at).toBeGreaterThan(0);
  expect(other).toHaveLength(text.length);
  bytes.write(other, at, "latin1");
  return bytes;
};

describe("what is refused", () => {
  it.each([
    [
      "a text model",
      renamed("\u0004\0\0\0\0\0\0\0clip", "\u0004\0\0\0\0\0\0\0gptx"),
      "INVALID_GGUF",
      "a model of architecture gptx",
    ],
    ["an unknown type", renamed("idefics3", "idefics9"), "UNSUPPORTED", "idefics9"],
    ["a file cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 100), "INVALID_GGUF", "mmproj.gguf"],
    ["a missing key", renamed("clip.vision.image_mean", "clip.vision.image_moon"), "INVALID_GGUF", "image_mean"],
    ["a missing tensor", renamed("v.blk.1.ln1.weight", "v.blk.1.lnx.weight"), "INVALID_CHECKPOINT", "layers.1"],
    ["no vision tower", renamed("clip.has_vision_encoder", "clip.has_vizion_encoder"), "INVALID_GGUF", "without one"],
  ])("%s", async (_, change, code, said) => {
    const error = await failure(VQRAE.load(await changed(change)));
    expect(error).toMatchObject({ code });
    expect(error.message).toContain(said);
  });
});
