import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { codedPicture, codedWithin } from "../../../sdk/evaluation/comparison/image-codecs.ts";
import {
  compareTokenizers,
  evaluateReconstruction,
  imageCodecs,
  listImages,
  openClassifier,
  openFeatureNetwork,
} from "../../../sdk/evaluation/index.ts";
import { centreCrop, loadTokenizer, readImage } from "../../../sdk/index.ts";
import { psnr } from "../../../sdk/metrics/index.ts";
import { inFolder, runCli, tinyEncoder, tinyModel } from "../cli/run-cli.ts";

const examples = await mkdtemp(join(tmpdir(), "vqrae-compare-"));
for (const name of ["cat.jpg", "rocket.jpg"]) {
  await copyFile(new URL(`../../../examples/images/${name}`, import.meta.url), join(examples, name));
}
afterAll(() => rm(examples, { recursive: true, force: true }));
const files = await listImages(examples);
/** deit-tiny knows the first. */
const named = files.map((file) => (file.path.endsWith("cat.jpg") ? { ...file, label: "Egyptian cat" } : file));
const shipped = () => loadTokenizer("default", { device: "cpu", threads: 1 });
const load = () => loadTokenizer(tinyModel, { device: "cpu", threads: 1 });
const network = new URL("../../golden/evaluation/tiny.onnx", import.meta.url).pathname;

test("has the numbers of an evaluation, the rate of ids, and each codec's own at as many bytes", async () => {
  await using tokenizer = await load();
  await using tiny = await openFeatureNetwork(network);
  const { comparison, pictures } = await compareTokenizers([{ name: "tiny", parameters: 7, load }], files, {
    network: tiny,
  });
  const [one] = comparison.tokenizers;
  expect(one!.reconstruction).toEqual(await evaluateReconstruction(tokenizer, files, { network: tiny }));
  // 4 x 4 ids of 64 codes, 16 x 16 pixels.
  expect(one!.rate).toEqual({ tokens: 16, codesPerToken: 1, bitsPerCode: 6, bytes: 12, bitsPerPixel: 0.375 });
  expect(one).toMatchObject({ name: "tiny", parameters: 7, outputSize: { width: 16, height: 16 } });
  expect(pictures.map(({ path }) => path)).toEqual(files.map(({ path }) => path));
  for (const { codec, bytes, psnr: mean, tooLarge } of one!.codecs) {
    expect(tooLarge).toBe(2); // no header is as small as 12 bytes
    const files = pictures.map(({ coded }) => coded![codec]);
    expect(files.map(({ quality }) => quality)).toEqual([1, 1]);
    expect(bytes).toBeCloseTo((files[0]!.bytes + files[1]!.bytes) / 2, 9);
    const ratios = pictures.map(({ original, coded }) => psnr(original, coded![codec].decoded));
    expect(mean).toBeCloseTo((ratios[0]! + ratios[1]!) / 2, 9);
  }
  const [{ codecs } = { codecs: [] }] = comparison.curves;
  expect(codecs.map(({ codec }) => codec)).toEqual(imageCodecs);
  for (const { points } of codecs) expect(points.at(-1)!.psnr).toBeGreaterThan(points[0]!.psnr + 5);
});

describe.each(imageCodecs)("%s", (codec) => {
  test("its best file within a size has at most that size, and the next quality has more", async () => {
    const image = centreCrop(await readImage(files[0]!.path), 64, "adm");
    const { bytes: size } = await codedPicture(image, codec, 23);
    const { quality, bytes } = await codedWithin(image, codec, size);
    expect(bytes).toBeLessThanOrEqual(size);
    expect(quality).toBeGreaterThanOrEqual(23);
    expect((await codedPicture(image, codec, quality + 1)).bytes).toBeGreaterThan(size);
  });
});

test("AVIF's payload is its file without the boxes, which another parser finds too", async () => {
  const image = centreCrop(await readImage(files[0]!.path), 64, "adm");
  const whole = await codedPicture(image, "avif", 40);
  const payload = await codedPicture(image, "avif-payload", 40);
  expect(payload.decoded).toEqual(whole.decoded);
  const { data, width, height } = image;
  const file = await sharp(data, { raw: { width, height, channels: 3 } })
    .avif({ quality: 40, chromaSubsampling: "4:2:0" })
    .toBuffer();
  expect(whole.bytes).toBe(file.length);
  // Its one item's extent, which the box iloc names: its length is the last word of the box (ISO/IEC 14496-12, 8.11.3).
  const iloc = file.indexOf("iloc") - 4;
  expect(payload.bytes).toBe(file.readUInt32BE(iloc + file.readUInt32BE(iloc) - 4));
});

test("a classifier sees what tokenizers and codecs give back", async () => {
  await using classifier = await openClassifier("deit-tiny");
  const { comparison, pictures } = await compareTokenizers([{ name: "default", load: shipped }], named, { classifier });
  const [one] = comparison.tokenizers;
  await using tokenizer = await shipped();
  expect(one!.reconstruction.recognition).toEqual(
    (await evaluateReconstruction(tokenizer, named, { classifier })).recognition,
  );
  expect(one!.reconstruction.recognition!.right).toMatchObject({ images: 1, original: 1 });
  for (const { codec, recognition } of one!.codecs) {
    const same = await Promise.all(
      pictures.map(async ({ original, coded }) => {
        const [a, b] = await classifier.classify([original, coded![codec].decoded], { count: 1 });
        return a![0]!.label === b![0]!.label;
      }),
    );
    expect(recognition!.same).toBe(same.filter(Boolean).length / same.length);
  }
});

test("two of one name, none, and an encoder alone are refused", async () => {
  const one = { name: "tiny", load };
  await expect(compareTokenizers([one, one], files)).rejects.toThrow(/a name for each tokenizer/);
  await expect(compareTokenizers([], files)).rejects.toThrow(/at least one tokenizer/);
  const encoder = { name: "encoder", load: () => loadTokenizer(tinyEncoder, { device: "cpu", threads: 1 }) };
  await expect(compareTokenizers([encoder], files)).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

test("the command prints JSON and writes a page and a plot that stand alone", () =>
  inFolder(async (folder) => {
    const [page, plot] = [join(folder, "a.html"), join(folder, "a.svg")];
    const found = await runCli(
      ...["compare", "tokenizers", "--images", examples, "--no-codecs", "--page", page, "--plot", plot, "--json"],
      ...["--tokenizers", tinyModel, "default"],
    );
    expect(found).toMatchObject({ code: 0, stderr: "" });
    const { tokenizers, curves } = JSON.parse(found.stdout);
    expect(tokenizers).toMatchObject([{ name: "vqrae-two-layers" }, { name: "default", licence: "apache-2.0" }]);
    expect(tokenizers[1].parameters).toBeGreaterThan(1e6);
    expect(curves).toEqual([]);
    const text = await readFile(page, "utf8");
    expect(text.match(/<img /g)).toHaveLength(2 * 3);
    expect(text).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(await readFile(plot, "utf8")).toMatch(/^<svg [\s\S]*>default<\/text>[\s\S]*<\/svg>\n$/);
  }));
