import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { checkSwap, swapVit } from "../../../adapters/vit-swap/index.ts";
import { plainTiles } from "../../../sdk/families/projector/parts.ts";
import { loadProjector, VQRAE } from "../../../sdk/index.ts";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { largestDifference, readExpected } from "../expected.ts";

/** Checkpoints with another tower against what transformers saves and computes (make_swaps.py). */

/** Of embeddings of a size of one to two. */
const tolerance = 1e-4;
const here = (...names: string[]) => join(import.meta.dirname, ...names);
const projector = (name: string) => join(import.meta.dirname, "../projector", name);

const fixtures = [
  { name: "llava-1.5", model: projector("llava-1.5"), layers: [2], finalNorm: false },
  { name: "llava-next-siglip", model: here("llava-next-siglip", "model"), layers: [3], finalNorm: false },
  { name: "internvl", model: projector("internvl"), layers: [3], finalNorm: false },
  { name: "gemma3", model: projector("gemma3"), layers: [3], finalNorm: true },
];

describe.each(fixtures)("$name", ({ name, model, layers, finalNorm }) => {
  test("the weights are those that transformers saves, all else is the model's", async () => {
    const out = join(await temporaryFolder(), "swapped");
    const report = await swapVit(model, here(name, "encoder"), out);
    expect(report).toMatchObject({ kind: "checkpoint", layers, finalNorm, dtype: "F32", mismatches: [] });
    const { sha256 } = JSON.parse(await readFile(here(name, "expected.json"), "utf8"));
    const weights = await readFile(join(out, "model.safetensors"));
    expect(createHash("sha256").update(weights).digest("hex")).toBe(sha256);
    const files = await readdir(model);
    expect((await readdir(out)).sort()).toEqual(files.sort());
    for (const file of files.filter((file) => file !== "model.safetensors")) {
      expect(await readFile(join(out, file))).toEqual(await readFile(join(model, file)));
    }
    expect(await checkSwap(model, here(name, "encoder"), `${out}-2`)).toEqual(report);
  });

  test("its image features are those of transformers", async () => {
    const out = join(await temporaryFolder(), "swapped");
    await swapVit(model, here(name, "encoder"), out);
    const loaded = await loadProjector(out);
    const whole = { ...loaded, tiling: null, layout: { ...loaded.layout, tiles: plainTiles } };
    const tokenizer = await VQRAE.load(out, { projector: whole, device: "cpu", threads: 1 });
    onTestFinished(() => tokenizer.dispose());
    const { image, features } = readExpected(here(name, "expected.safetensors"));
    const { segments } = await tokenizer.embed({ width: 16, height: 16, data: image!.data as Uint8Array });
    const [own] = segments.flatMap((segment) => (segment.type === "embeddings" ? [segment.data] : []));
    expect(largestDifference(own!, features!.data)).toBeLessThan(tolerance);
  });
});
