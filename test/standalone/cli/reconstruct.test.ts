import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { resize } from "../../../sdk/image/resize/resize.ts";
import { encodePng, type RgbImage, readImage, VQRAE } from "../../../sdk/index.ts";
import { psnr, ssimGaussian, ssimUniform } from "../../../sdk/metrics/index.ts";
import { inFolder, photo, runCli, tinyModel } from "./run-cli.ts";

let reconstruction: RgbImage;
/** What the model saw, at the reconstruction's size. */
let seen: RgbImage;

/** Vitest gives hooks 10 s; loading a model on a busy machine may take longer. */
const LOAD_TIMEOUT_MS = 60_000;

beforeAll(async () => {
  const tokenizer = await VQRAE.load(tinyModel);
  reconstruction = await tokenizer.decode((await tokenizer.encode(photo)).ids!);
  await tokenizer.dispose();
  const { image } = await readModel(tinyModel);
  seen = resize(preprocess(await readImage(photo), image), 16, 16, "bicubic");
}, LOAD_TIMEOUT_MS);

test("writes the decoded pixels as PNG and prints how near they are", () =>
  inFolder(async (folder) => {
    const out = join(folder, "out.png");
    const { code, stdout, stderr } = await runCli("reconstruct", photo, out, "--model", tinyModel);
    expect([code, stderr]).toEqual([0, ""]);
    const { data, width, height } = await readImage(out);
    expect([width, height]).toEqual([16, 16]);
    expect([...data]).toEqual([...reconstruction.data]);
    expect(stdout).toContain(`${out}: 16 x 16 pixels from 16 ids`);
    expect(stdout).toContain(`PSNR           ${psnr(seen, reconstruction).toFixed(2)} dB`);
    expect(stdout).toContain(`SSIM uniform   ${ssimUniform(seen, reconstruction).toFixed(4)}`);
    expect(stdout).toContain(`SSIM Gaussian  ${ssimGaussian(seen, reconstruction).toFixed(4)}`);
  }));

test("--side-by-side puts what the model saw on the left; --json has the same measures", () =>
  inFolder(async (folder) => {
    const out = join(folder, "out.png");
    const { stdout } = await runCli("reconstruct", photo, out, "--model", tinyModel, "--side-by-side", "--json");
    expect(JSON.parse(stdout)).toEqual({
      model: "vqrae-two-layers",
      image: photo,
      output: out,
      width: 32,
      height: 16,
      ids: 16,
      psnr: psnr(seen, reconstruction),
      ssimUniform: ssimUniform(seen, reconstruction),
      ssimGaussian: ssimGaussian(seen, reconstruction),
    });
    const picture = await readImage(out);
    expect([...half(picture, 0)]).toEqual([...seen.data]);
    expect([...half(picture, 1)]).toEqual([...reconstruction.data]);
  }));

test("an image of one pixel is an image", () =>
  inFolder(async (folder) => {
    const dot = join(folder, "dot.png");
    await writeFile(dot, await encodePng({ data: Uint8Array.of(200, 100, 50), width: 1, height: 1 }));
    const { code, stderr } = await runCli("reconstruct", dot, join(folder, "out.png"), "--model", tinyModel);
    expect([code, stderr]).toEqual([0, ""]);
  }));

/** The left (0) or right (1) square of a picture of two. */
function half({ data, width, height }: RgbImage, side: 0 | 1): Uint8Array {
  const rows = Array.from({ length: height }, (_, y) => {
    const start = (y * width + side * height) * 3;
    return data.subarray(start, start + height * 3);
  });
  return Uint8Array.from(rows.flatMap((row) => [...row]));
}
