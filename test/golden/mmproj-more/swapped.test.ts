import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type MmprojTypeName, swapVit } from "../../../adapters/vit-swap/index.ts";
import { type ImageEmbeddings, loadProjector, type RgbImage, VQRAE } from "../../../sdk/index.ts";
import { writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { gaussian, uniform } from "../../helpers/random.ts";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { encoder, llavaFull, vlm } from "../../standalone/vit-swap/fixtures.ts";
import { largestDifference, readExpected } from "../expected.ts";

/** mmproj files whose tower is not their type's own, as `vqrae swap` writes them, against that encoder and that projector. */

const picture: RgbImage = {
  width: 16,
  height: 16,
  data: Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24),
};

const numbersOf = ({ segments }: ImageEmbeddings): number[] =>
  segments.flatMap((segment) => (segment.type === "embeddings" ? [...segment.data] : []));

/** A DeiT of 16 pixels: a class token, no layer scales, a final norm. */
async function deit(): Promise<string> {
  const folder = await temporaryFolder();
  const vit = join(import.meta.dirname, "../checkpoint/vit");
  const tensors = Object.entries(readExpected(join(vit, "model.safetensors"))).map(([name, { shape, data }]) =>
    name === "embeddings.position_embeddings"
      ? { name, dtype: "F32" as const, shape: [1, 17, 16], data: gaussian(uniform(3), 17 * 16, 0.2) }
      : { name, dtype: "F32" as const, shape, data },
  );
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { format: "pt" });
  const config = JSON.parse(await readFile(join(vit, "config.json"), "utf8"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, image_size: 16 }));
  const processor = { image_processor_type: "ViTImageProcessor", size: { height: 16, width: 16 } };
  await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(processor));
  return folder;
}

const cases: readonly [
  what: string,
  type: MmprojTypeName,
  tower: () => Promise<string>,
  model: () => Promise<string>,
][] = [
  ["a DeiT in InternVL's", "internvl", deit, async () => vlm("internvl")],
  ["a SigLIP in Idefics3's", "idefics3", async () => vlm("gemma3"), async () => vlm("idefics3")],
  ["a SigLIP in LLaVA's", "mlp", async () => vlm("gemma3"), () => llavaFull(-1)],
  ["another InternViT in InternVL's", "internvl", async () => encoder("internvl"), async () => vlm("internvl")],
];

test.each(cases)("%s", async (_, type, tower, model) => {
  const file = join(await temporaryFolder(), "mmproj.gguf");
  const [from, whole] = [await tower(), await model()];
  await swapVit(whole, from, file, { type, float: "F32" });
  const projector = { ...(await loadProjector(whole)), tiling: null };
  await using expected = await VQRAE.load(from, { projector, device: "cpu", threads: 1 });
  await using own = await VQRAE.load(file, { device: "cpu", threads: 1 });
  const numbers = numbersOf(await own.embed(picture));
  const wanted = numbersOf(await expected.embed(picture));
  // Of tiles the whole image, which is the last or the only one.
  expect(largestDifference(numbers.slice(-wanted.length), wanted)).toBeLessThan(1e-5);
});
