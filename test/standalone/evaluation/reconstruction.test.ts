import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  evaluateReconstruction,
  listImages,
  openFeatureNetwork,
  rankedPicture,
  tilePicture,
} from "../../../sdk/evaluation/index.ts";
import { type Classifier, centreCrop, readImage, VQRAE } from "../../../sdk/index.ts";
import { Blocking, CodebookUsage, psnr, ssimGaussian, ssimUniform } from "../../../sdk/metrics/index.ts";
import { pattern } from "../../golden/image/fixtures.ts";
import { inFolder, photo, runCli, tinyEncoder, tinyModel } from "../cli/run-cli.ts";

/** Four photos, in a folder of their own. */
const examples = await mkdtemp(join(tmpdir(), "vqrae-evaluate-"));
for (const name of ["astronaut.jpg", "cat.jpg", "coffee.jpg", "rocket.jpg"]) {
  await copyFile(new URL(`../../../examples/images/${name}`, import.meta.url), join(examples, name));
}
const network = fileURLToPath(new URL("../../golden/evaluation/tiny.onnx", import.meta.url));
let tokenizer: VQRAE;

beforeAll(async () => {
  tokenizer = await VQRAE.load(tinyModel, { device: "cpu" });
}, 60_000);
afterAll(async () => {
  await tokenizer.dispose();
  await rm(examples, { recursive: true, force: true });
});

describe.each(["none", "adm", "pil"] as const)("crop %s", (crop) => {
  test("every number is that of the same steps by hand", async () => {
    const files = await listImages(examples);
    const report = await evaluateReconstruction(tokenizer, files, { crop });
    const usage = new CodebookUsage(64);
    for (const [i, { path }] of files.entries()) {
      const image = await readImage(path);
      const cut = crop === "none" ? image : centreCrop(image, 32, crop);
      const { ids } = await tokenizer.encode(cut);
      const [original, decoded] = [await tokenizer.reconstructionTarget(cut), await tokenizer.decode(ids!)];
      usage.add(ids!);
      expect(report.perImage[i]).toEqual({
        path,
        psnr: psnr(original, decoded),
        ssimUniform: ssimUniform(original, decoded),
        ssimGaussian: ssimGaussian(original, decoded),
        perceptual: null,
      });
    }
    expect(report.protocol).toEqual({ crop, inputSize: 32, outputSize: 16, precision: "fp32" });
    expect(report.codebook).toMatchObject({ entropy: usage.entropy, utilization: usage.utilization });
    const ratios = report.perImage.map((image) => image.psnr).sort((a, b) => a - b);
    expect(report.psnr).toEqual({
      mean: expect.closeTo(ratios.reduce((a, b) => a + b) / 4, 9),
      median: (ratios[1]! + ratios[2]!) / 2,
      worst: ratios[0],
      best: ratios[3],
    });
  });
});

test("distances on a network: 0 where it sees no difference, else named by it", async () => {
  const files = await listImages(examples);
  await using tiny = await openFeatureNetwork(network);
  const { frechet, perceptual } = await evaluateReconstruction(tokenizer, files, { network: tiny });
  expect(frechet).toEqual({ network: "tiny-random", feature: "features", dim: 8, distance: expect.any(Number) });
  expect(frechet!.distance).toBeGreaterThan(0);
  expect(perceptual).toMatchObject({ network: "tiny-random", taps: ["first", "tokens"] });
  expect(perceptual!.worst).toBeGreaterThan(perceptual!.best);
  const blind = {
    name: "blind",
    feature: "f",
    taps: [],
    run: async () => ({ features: Float32Array.of(1, 2), taps: [] }),
  };
  const seen = await evaluateReconstruction(tokenizer, files, {
    network: { ...blind, [Symbol.asyncDispose]: async () => {} },
  });
  expect([seen.frechet!.distance, seen.perceptual]).toEqual([0, null]);
});

test("seams, and what a classifier still knows, by hand", async () => {
  const files = (await listImages(examples)).map((file, i) => ({ ...file, label: i < 2 ? "second" : file.label }));
  const answers = [1, 1, 0, 1, 0, 0, 1, 0]; // original, decoded, and so on
  const classifier = {
    labels: ["first, one", "second, two"],
    classify: async (images: readonly unknown[]) =>
      images.map(() => [{ index: answers.shift() ?? -1, label: "", logit: 0, probability: 1 }]),
    [Symbol.asyncDispose]: async () => {},
  } as unknown as Classifier;
  const { recognition, blocking } = await evaluateReconstruction(tokenizer, files, { classifier });
  expect(recognition).toEqual({ classes: 2, same: 0.5, right: { images: 2, original: 0.5, decoded: 1 } });
  const seams = new Blocking(4); // 16 pixels, 4 tokens a side
  for (const { path } of files) seams.add(await tokenizer.reconstructionTarget(path));
  expect(blocking).toEqual({ original: seams.ratio, decoded: expect.any(Number) });
  const blind = { ...classifier, labels: null };
  await expect(evaluateReconstruction(tokenizer, files, { classifier: blind })).rejects.toThrow(/classification head/);
});

test("an image that cannot be read is listed, in its place nothing is measured", () =>
  inFolder(async (folder) => {
    await mkdir(join(folder, "sub"));
    await cp(photo, join(folder, "sub", "b.jpg"));
    await writeFile(join(folder, "a.png"), "not a picture");
    const { images, failed } = await evaluateReconstruction(tokenizer, await listImages(folder));
    expect([images, failed]).toEqual([
      1,
      [{ path: join(folder, "a.png"), code: "INVALID_IMAGE", message: expect.stringContaining("a raster image") }],
    ]);
    const few = await evaluateReconstruction(tokenizer, await listImages(folder), { maxPixels: 1e6 });
    expect(few.frechet).toBeNull();
    const none = evaluateReconstruction(tokenizer, await listImages(folder), { maxPixels: 1 });
    await expect(none).rejects.toThrow(/at least one readable image .* 2 that cannot be read/);
  }));

test("the picture has three groups, originals above", async () => {
  const report = await evaluateReconstruction(tokenizer, await listImages(examples));
  const picture = await rankedPicture(tokenizer, report);
  expect([picture.width, picture.height]).toEqual([4 * 20 - 4, 6 * 20 - 4]);
  const ranked = [...report.perImage].sort((a, b) => a.psnr - b.psnr);
  const worst = await tokenizer.reconstructionTarget(ranked[0]!.path);
  expect(picture.data.subarray(0, 16 * 3)).toEqual(worst.data.subarray(0, 16 * 3));
});

test("pictures of nothing, or of images that do not fit", () => {
  expect(() => tilePicture([])).toThrow("at least one image");
  expect(() => tilePicture([[pattern("mixed", 4, 4), pattern("mixed", 4, 5)]])).toThrow("4 x 4 pixels for image 1");
});

test.each([
  [{ crop: "imagenet" }, 'Expected one of "none", "adm", "pil" for option "crop" of evaluateReconstruction'],
  [{ network: "tiny.onnx" }, 'Expected what openFeatureNetwork gives for option "network" of evaluateReconstruction'],
  [{ cropTo: 32 }, "for the options of evaluateReconstruction"],
])("option %j is refused", async (options, message) => {
  const files = await listImages(examples);
  await expect(evaluateReconstruction(tokenizer, files, options as object)).rejects.toThrow(message);
});

test("an abort ends it", async () => {
  const reason = new Error("enough");
  const options = { signal: AbortSignal.abort(reason) };
  await expect(evaluateReconstruction(tokenizer, await listImages(examples), options)).rejects.toBe(reason);
});

describe("vqrae evaluate reconstruction", () => {
  test("prints what the report says, and the same as JSON", () =>
    inFolder(async (folder) => {
      const picture = join(folder, "out.png");
      const args = [
        "evaluate",
        "reconstruction",
        examples,
        "--model",
        tinyModel,
        "--crop",
        "adm",
        "--features",
        network,
      ];
      const { code, stdout, stderr } = await runCli(...args, "--picture", picture);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain('vqrae-two-layers on 4 images, crop "adm" to 32 px, compared at 16 x 16 pixels');
      expect(stdout).toMatch(/Frechet distance \d+\.\d{4} on tiny-random \(features, 8 features, 4 images\)/);
      expect(stdout).toContain("tiny-random: first, tokens; not LPIPS");
      expect(stdout).not.toContain("FID");
      expect((await readImage(picture)).width).toBe(76);
      const report = JSON.parse((await runCli(...args, "--json")).stdout);
      expect(stdout).toContain(`PSNR dB          ${report.psnr.mean.toFixed(2)}`);
      expect(report.perImage).toHaveLength(4);
    }));

  test.each([
    [["evaluate"], "one of reconstruction"],
    [["evaluate", "reconstruction"], "Expected <folder> for the arguments of vqrae evaluate reconstruction"],
    [["evaluate", "reconstruction", "nowhere"], "Expected a readable folder for the images but received nowhere"],
    [
      ["evaluate", "reconstruction", examples, "--crop", "imagenet"],
      'one of none, adm, pil for --crop but received "imagenet"',
    ],
    [["evaluate", "reconstruction", examples, "--taps", "1"], "--features with --taps"],
    [["evaluate", "reconstruction", examples, "--picture", "a.jpg"], "a name ending in .png"],
    [["evaluate", "reconstruction", examples, "--model", tinyEncoder], "a checkpoint with a decoder"],
    [["evaluate", "reconstruction", examples, "--model", tinyModel, "--features", "no.onnx"], "no.json"],
  ])("vqrae %j is refused", async (args, message) => {
    const { code, stdout, stderr } = await runCli(...args);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([1, ""]);
  });
});
