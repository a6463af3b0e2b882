import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type MmprojTypeName, swapVit } from "../../adapters/vit-swap/index.ts";
import { loadProjector, type RgbImage, VQRAE } from "../../sdk/index.ts";
import { cosine } from "../golden/cosine.ts";
import { rewritten } from "../golden/projector/rewritten.ts";
import { idefics3On25 } from "../helpers/idefics3-25.ts";
import { mtmdEmbeddings } from "../helpers/mtmd.ts";
import { otherTower } from "../helpers/other-tower.ts";
import { writeTinyLlm } from "../helpers/tiny-llm.ts";
import { temporaryFolder } from "../standalone/checkpoint/temporary.ts";

/** llama.cpp's image embeddings through files that we write against encoder and projector here. */

const golden = (name: string) => join(import.meta.dirname, "../golden/projector", name);
/** LLaVA's projector for towers without a class token. */
const llava = () =>
  rewritten(
    "llava-1.5",
    (tensor) => tensor,
    (config) => ({ ...config, vision_feature_select_strategy: "full" }),
  );

interface Case {
  readonly type: MmprojTypeName;
  readonly encoder: string;
  readonly projector: () => Promise<string>;
}
const own = (type: MmprojTypeName, name: string): Case => ({
  type,
  encoder: golden(name),
  projector: async () => golden(name),
});
const cases: Case[] = [
  { type: "mlp", encoder: golden("gemma3"), projector: llava },
  own("internvl", "internvl"),
  own("gemma3", "gemma3"),
  own("idefics3", "idefics3"),
  own("lfm2", "lfm2-vl"),
  own("lfm2", "lfm2-vl-no-norm"),
  { type: "janus_pro", encoder: golden("gemma3"), projector: llava },
  { type: "phi4", encoder: golden("gemma3"), projector: llava },
];

/** As large as the towers take them, so that llama.cpp copies the pixels. */
const square = (side: number): RgbImage => ({
  width: side,
  height: side,
  data: Uint8Array.from({ length: side * side * 3 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24),
});
const picture = square(16);

/** One view, whatever the model's tiles. */
async function ourEmbeddings(encoder: string, projector: string, image = picture): Promise<Float32Array> {
  const loaded = { ...(await loadProjector(projector)), tiling: null };
  const tokenizer = await VQRAE.load(encoder, { projector: loaded, device: "cpu", threads: 1 });
  onTestFinished(() => tokenizer.dispose());
  const { segments } = await tokenizer.embed(image);
  const [embeddings] = segments.flatMap((segment) => (segment.type === "embeddings" ? [segment.data] : []));
  return embeddings!;
}

/** The smallest cosine of a token's embedding here to llama.cpp's. */
function smallestCosine(ours: Float32Array, theirs: Float32Array, width = 8): number {
  expect(theirs.length).toBe(ours.length);
  const starts = Array.from({ length: ours.length / width }, (_, i) => i * width);
  return Math.min(...starts.map((at) => cosine(ours.subarray(at, at + width), theirs.subarray(at, at + width))));
}

/** A language model of the fixtures' width. */
async function tinyLlm(folder: string): Promise<string> {
  return (await writeTinyLlm(join(folder, "llm.gguf"), "qwen3", { seed: 1, width: 8 })).path;
}

describe.each(cases)("$type, $encoder", ({ type, encoder, projector }) => {
  test.each(["F32", "F16"] as const)("built whole in %s", async (float) => {
    const folder = await temporaryFolder();
    const out = join(folder, "mmproj.gguf");
    const from = await projector();
    expect(await swapVit(from, encoder, out, { type, float })).toMatchObject({
      kind: "new mmproj",
      projectorType: type,
    });
    const views = mtmdEmbeddings(await tinyLlm(folder), out, picture);
    expect(smallestCosine(await ourEmbeddings(encoder, from), views.at(-1)!)).toBeGreaterThan(0.9999);
  });

  test("its tower replaced, its projector kept", async () => {
    const folder = await temporaryFolder();
    const [llm, before, after] = [await tinyLlm(folder), join(folder, "before.gguf"), join(folder, "after.gguf")];
    const [other, from] = [await otherTower(encoder, 5), await projector()];
    await swapVit(from, encoder, before, { type, float: "F32" });
    // A file of LLaVA's layer -2 has the blocks up to it alone, which only the graph of `mlp` tells from a shorter tower.
    const cut = type === "janus_pro" || type === "phi4";
    const report = await swapVit(before, other, after, { allow: cut ? ["depth"] : [] });
    expect(report).toMatchObject({ kind: "mmproj", projectorType: type });
    expect(report.mismatches.map(({ fact }) => fact)).toEqual(cut ? ["depth"] : []);
    const [old, swapped] = [before, after].map((path) => mtmdEmbeddings(llm, path, picture).at(-1)!);
    expect(smallestCosine(await ourEmbeddings(other, from), swapped!)).toBeGreaterThan(0.9999);
    expect(smallestCosine(swapped!, old!)).toBeLessThan(0.99); // the tower shows
  });
});

test("Idefics3 on 25 x 25 patches, whose positions are not in order", async () => {
  const [folder, model, image] = [await temporaryFolder(), await idefics3On25(), square(100)];
  const [llm, built, swapped] = [await tinyLlm(folder), join(folder, "built.gguf"), join(folder, "swapped.gguf")];
  const other = await otherTower(model, 5);
  await swapVit(model, model, built, { float: "F32" });
  await swapVit(built, other, swapped);
  for (const [file, encoder] of [
    [built, model],
    [swapped, other],
  ] as const) {
    const theirs = mtmdEmbeddings(llm, file, image).at(-1)!;
    expect(smallestCosine(await ourEmbeddings(encoder, model, image), theirs)).toBeGreaterThan(0.9999);
  }
});
