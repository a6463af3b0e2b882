import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ggufValue, rewriteGguf } from "../../../adapters/gguf/index.ts";
import { swapVit } from "../../../adapters/vit-swap/index.ts";
import * as mmprojs from "../../../sdk/families/mmproj/all.ts";
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

/** `PROJECTOR_TYPE_NAMES` of llama.cpp v0.5.0, tools/mtmd/clip-impl.h. */
const llamaCppTypes =
  "mlp ldp ldpv2 resampler adapter qwen2vl_merger qwen2.5vl_merger qwen3vl_merger step3vl gemma3 gemma3nv gemma3na gemma4v gemma4a gemma4uv gemma4ua phi4 idefics3 pixtral ultravox internvl llama4 qwen2a qwen3a glma qwen2.5o voxtral meralion musicflamingo lfm2 kimivl paddleocr lightonocr cogvlm janus_pro dots_ocr dots3note_v dots3note_a deepseekocr deepseekocr2 deepseek4v lfm2a glm4v youtuvl yasa2 kimik25 nemotron_v2_vl exaone4_5 hunyuanvl minicpmv4_6 granite_speech mimovl minimax_m3 granite4_vision mimo_audio parakeet qwen3tts_spkenc qwen3tts_gen pockettts_spkenc pockettts_gen muse-glimmer".split(
    " ",
  );
const known = new Set(Object.values(mmprojs).map(({ type }) => type));
const unknown = llamaCppTypes.filter((type) => !known.has(type));

it("every type of llama.cpp is read, or docs/ask-your-own-vlm.md says why not", async () => {
  const page = await readFile(join(import.meta.dirname, "../../../docs/ask-your-own-vlm.md"), "utf8");
  const [, section = ""] = page.split("### mmproj files that are not read");
  const table = section.slice(0, section.indexOf("\n## "));
  const named = [...table.matchAll(/`([^`]+)`/g)]
    .map(([, type]) => type)
    .filter((type) => type !== "clip.projector_type");
  expect(named.sort()).toEqual([...unknown].sort());
});

it.each(unknown)("a type that is not read, %s, is refused with its name and those that are read", async (type) => {
  const file = join(await temporaryFolder(), "mmproj.gguf");
  await rewriteGguf(idefics3, file, { metadata: [["clip.projector_type", ggufValue.string(type)]] });
  const error = await failure(VQRAE.load(file));
  expect(error).toMatchObject({ code: "UNSUPPORTED" });
  expect(error.message).toContain(`but received ${type}`);
  for (const one of known) expect(error.message).toContain(one);
});

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
