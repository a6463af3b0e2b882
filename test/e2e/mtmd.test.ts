import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readGguf, readGgufTensor, rewriteGguf } from "../../adapters/gguf/index.ts";
import { type ImageEmbeddings, loadProjector, VQRAE } from "../../sdk/index.ts";
import { cosine } from "../golden/cosine.ts";
import { square } from "../golden/two-files/pictures.ts";
import { mtmdEmbeddings } from "../helpers/mtmd.ts";
import { writeTinyLlm } from "../helpers/tiny-llm.ts";
import { temporaryFolder } from "../standalone/checkpoint/temporary.ts";

/** mmproj files as we read them against llama.cpp's own mtmd, which runs beside: images of a size that neither resizes. */

const golden = (...names: string[]) => join(import.meta.dirname, "../golden", ...names);

interface Case {
  readonly name: string;
  readonly mmproj: string;
  readonly llm: () => Promise<string>;
  /** Of the image, in pixels. */
  readonly side: number;
  /** What mtmd is given instead. */
  readonly theirs?: (mmproj: string) => Promise<string>;
  /** Views at the end that llama.cpp resizes by rules of its own. */
  readonly resized?: number;
}

const pair = (name: string, side: number): Case => ({
  name,
  mmproj: golden("two-files", name, "mmproj-f32.gguf"),
  llm: async () => golden("two-files", name, "llm.gguf"),
  side,
});
const alone = (name: string, side: number, more: Pick<Case, "theirs" | "resized"> = {}): Case => ({
  name,
  mmproj: golden("mmproj", `${name}-f32.gguf`),
  llm: async () => (await writeTinyLlm(join(await temporaryFolder(), "llm.gguf"), "qwen3", { width: 8 })).path,
  side,
  ...more,
});

const cases: Case[] = [
  alone("gemma3", 16),
  alone("idefics3", 48, { resized: 1 }), // 3 x 3 tiles and the whole image
  alone("internvl", 16, { theirs: classLast }),
  pair("qwen2_vl", 168),
  pair("qwen2_5_vl", 168),
  pair("qwen3_vl", 256),
  pair("qwen3_vl_moe", 256),
  pair("pixtral", 192),
  pair("mistral3", 168),
  pair("lighton_ocr", 280),
  pair("glm4v", 168),
  { ...alone("yi-vl-siglip", 16), mmproj: golden("mmproj-more/yi-vl-siglip.gguf") },
];

/**
 * llama.cpp's graph puts the class token last and adds the positions from the first row on: the converter's files get other
 * positions there than in the model (docs/swap-the-vit.md). The same table with its first row last gives it the model's own.
 */
async function classLast(mmproj: string): Promise<string> {
  const out = join(await temporaryFolder(), "mmproj.gguf");
  const name = "v.position_embd.weight";
  const file = await readGguf(mmproj);
  const { shape } = file.tensors.get(name)!;
  const table = await readGgufTensor(file, name);
  const width = shape.at(-1);
  const data = Float32Array.from([...table.subarray(width), ...table.subarray(0, width)]);
  await rewriteGguf(mmproj, out, { tensors: [{ name, type: "F32", shape, data }] });
  return out;
}

/** Every token's embedding of an image; null for a token of text that mtmd puts among them (Pixtral's breaks). */
function tokensOf(segments: ImageEmbeddings["segments"], width: number): (Float32Array | null)[] {
  return segments.flatMap((segment) => {
    if (segment.type === "text") return segment.text === "[IMG_BREAK]" ? [null] : [];
    const count = segment.data.length / width;
    return Array.from({ length: count }, (_, i) => segment.data.subarray(i * width, (i + 1) * width));
  });
}

describe.each(cases)("$name", ({ mmproj, llm, side, theirs = async (same) => same, resized = 0 }) => {
  test("every token's embedding points where llama.cpp's does", async () => {
    const projector = await loadProjector(mmproj);
    await using tokenizer = await VQRAE.load(mmproj, { projector, device: "cpu", threads: 1 });
    const { segments, embeddingDim: width } = await tokenizer.embed(square(side));
    const views = mtmdEmbeddings(await llm(), await theirs(mmproj), square(side));
    const own = tokensOf(segments, width);
    expect(own.length * width).toBe(views.reduce((sum, { length }) => sum + length, 0));
    const compared = views.slice(0, views.length - resized).flatMap((view) => [...view]);
    const cosines = Array.from({ length: compared.length / width }, (_, i) => {
      const token = own[i];
      return token ? cosine(token, Float32Array.from(compared.slice(i * width, (i + 1) * width))) : 1;
    });
    expect(Math.min(...cosines)).toBeGreaterThan(0.9999);
  });
});
