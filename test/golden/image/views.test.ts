import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { clipImageProcessor } from "../../../sdk/families/clip/image.ts";
import { readImagePlan } from "../../../sdk/families/image/read-image-plan.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { readImage } from "../../../sdk/image/read/read-image.ts";
import { views } from "../../../sdk/image/views.ts";
import { type ImageTokens, type RgbImage, VQRAE } from "../../../sdk/index.ts";
import { pattern, readCases } from "./fixtures.ts";

/** From a preprocessor_config.json to the pixels that an encoder is given: transformers' to the bit (make_views.py). */

interface View {
  readonly size: [number, number];
  readonly sha256: string;
}
interface Case {
  readonly name: string;
  readonly file: Record<string, unknown>;
  readonly config: Record<string, unknown>;
  readonly size: number;
  readonly grids?: "native";
  readonly patchSize?: number;
  readonly views: View[][];
}
const cases = readCases<Case[]>("views.json");
const { images } = JSON.parse(await readFile(new URL("views.json", import.meta.url), "utf8")) as {
  images: ({ photo: string } | { pattern: [number, number] })[];
};
const root = new URL("../../../", import.meta.url);
const read = (image: (typeof images)[number]): Promise<RgbImage> =>
  "photo" in image
    ? readImage(fileURLToPath(new URL(image.photo, root)))
    : Promise.resolve(pattern("mixed", ...image.pattern));

const summary = ({ data, width, height }: RgbImage): View => ({
  size: [width, height],
  sha256: createHash("sha256").update(data).digest("hex"),
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-views-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe.each(cases)("$name", ({ file, config, size, grids, patchSize = 16, views: expected }) => {
  it.each(images.map((image, i) => [image, i] as const))("%j", async (image, i) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(file));
    const encoder = { imageSize: size, patchSize, grids: grids ?? ("square" as const) };
    const spec = await readImagePlan({ folder, json: config, file: "config.json" }, encoder, clipImageProcessor);
    const seen = views(await read(image), spec).map((view) => preprocess(view.image, spec));
    expect(seen.map(summary)).toEqual(expected[i]);
  });
});

describe("VQRAE.views", () => {
  /** The tiny checkpoint of InternVL's names, 12 pixels, with another preprocessing. */
  async function load(file: object, config: object = {}): Promise<VQRAE> {
    const folder = await temporaryFolder();
    const source = fileURLToPath(new URL("test/golden/checkpoint/internvl", root));
    await cp(source, folder, { recursive: true });
    await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(file));
    const own = JSON.parse(await readFile(join(source, "config.json"), "utf8"));
    const whole = { model_type: "a_vlm", vision_config: own, ...config };
    await writeFile(join(folder, "config.json"), JSON.stringify(whole));
    const tokenizer = await VQRAE.load(folder, { threads: 1 });
    onTestFinished(() => tokenizer.dispose());
    return tokenizer;
  }
  const image = pattern("mixed", 61, 200);
  const features = (tokens: ImageTokens | undefined) => tokens!.features!;

  it("InternVL: tiles, then the thumbnail, which is what encode sees of the whole image", async () => {
    const size = { height: 12, width: 12 };
    const file = { image_processor_type: "GotOcr2ImageProcessor", size, crop_to_patches: true, max_patches: 6 };
    const tokenizer = await load(file);
    const all = await tokenizer.views(image);
    expect(all.map(({ width, height }) => [width, height])).toEqual(Array(4).fill([12, 12]));
    const encoded = await tokenizer.encode(all);
    expect(new Set(encoded.map((tokens) => features(tokens).join())).size).toBe(4);
    expect(encoded.at(-1)).toEqual(await tokenizer.encode(image));
  });

  it("LLaVA: the whole image first", async () => {
    const square = { height: 12, width: 12 };
    const file = { image_processor_type: "CLIPImageProcessor", size: { shortest_edge: 12 }, crop_size: square };
    const pinpoints = [[12, 36]]; // [width, height]
    const tokenizer = await load(file, { image_aspect_ratio: "anyres", image_grid_pinpoints: pinpoints });
    const encoded = await tokenizer.encode(await tokenizer.views(image));
    expect(encoded).toHaveLength(4);
    expect(encoded[0]).toEqual(await tokenizer.encode(image));
  });

  it("Gemma 3: the whole image, then its crops, where the file asks for pan and scan", async () => {
    const folder = fileURLToPath(new URL("test/golden/projector/gemma3-pan-and-scan", root));
    await using tokenizer = await VQRAE.load(folder, { threads: 1 });
    const cat = fileURLToPath(new URL("examples/images/cat.jpg", root)); // 481 x 320
    const all = await tokenizer.views(cat);
    expect(all.map(({ width, height }) => [width, height])).toEqual(Array(3).fill([16, 16]));
    const encoded = await tokenizer.encode(all);
    expect(encoded[0]).toEqual(await tokenizer.encode(cat));
  });

  it("most checkpoints: the image as it was read, which encode prepares", async () => {
    const tokenizer = await load({ image_processor_type: "CLIPImageProcessor", size: 12, crop_size: 12 });
    const path = fileURLToPath(new URL("examples/images/cat.jpg", root));
    const [view, ...rest] = await tokenizer.views(path);
    expect(rest).toEqual([]);
    expect(view).toEqual(await readImage(path));
    expect(await tokenizer.encode(view!)).toEqual(await tokenizer.encode(path));
  });

  it("refuses what encode refuses", async () => {
    const tokenizer = await load({
      image_processor_type: "LlavaImageProcessor",
      size: 12,
      crop_size: 12,
      do_pad: true,
    });
    await expect(tokenizer.views("nowhere.jpg")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    // A square of a million pixels a side would take terabytes.
    const line = { data: new Uint8Array(3_000_000), width: 1_000_000, height: 1 };
    await expect(tokenizer.encode(line)).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
    await tokenizer.dispose();
    await expect(tokenizer.views(image)).rejects.toMatchObject({ code: "DISPOSED" });
  });
});
