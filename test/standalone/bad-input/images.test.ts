import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VQRAE } from "../../../sdk/index.ts";
import { runCli } from "../cli/run-cli.ts";
import { picture, tinyVqrae } from "../runtime/fixtures/tiny.ts";

const photo = fileURLToPath(new URL("../../../examples/images/cat.jpg", import.meta.url));
let folder: string;
let tokenizer: VQRAE;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-bad-images-"));
  tokenizer = await VQRAE.load(tinyVqrae);
});
afterAll(async () => {
  await tokenizer.dispose();
  await rm(folder, { recursive: true });
});

/** The size of the PNG is 32 bits each at byte 16; libvips looks at it before the checksum. */
async function pngOf(width: number, height: number): Promise<Buffer> {
  const png = await sharp({ create: { width: 1, height: 1, channels: 3, background: "teal" } })
    .png()
    .toBuffer();
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  return png;
}

const files: [name: string, code: string, message: RegExp, bytes: () => Promise<Uint8Array> | Uint8Array][] = [
  [
    "text.jpg",
    "INVALID_IMAGE",
    /^Expected a raster image for the image .*text\.jpg but received 9 bytes of text that start with "some text"\. JPEG, PNG, WebP, GIF, TIFF and AVIF can be read\.$/,
    () => Buffer.from("some text"),
  ],
  [
    "empty.jpg",
    "INVALID_IMAGE",
    /^Expected a raster image for the image .*empty\.jpg but received 0 bytes\./,
    () => new Uint8Array(0),
  ],
  [
    "truncated.jpg",
    "INVALID_IMAGE",
    /^Expected a complete image for the image .*truncated\.jpg but received a damaged, truncated or unsupported JPEG of 8000 bytes\./,
    async () => (await readFile(photo)).subarray(0, 8000),
  ],
  [
    "no-pixels.png",
    "INVALID_IMAGE",
    /^Expected a complete image for the image .*no-pixels\.png but received a damaged, truncated or unsupported PNG/,
    () => pngOf(0, 5),
  ],
  [
    "long.png",
    "IMAGE_TOO_LARGE",
    /^Expected sides of at most 1048576 pixels for the image but received 1048577 x 1 pixels\.$/,
    () =>
      sharp({ create: { width: 1048577, height: 1, channels: 3, background: "teal" } })
        .png()
        .toBuffer(),
  ],
];

describe.each(files)("%s", (name, code, message, bytes) => {
  test(`is ${code} for the SDK, and the same one line on the command line`, async () => {
    const path = join(folder, name);
    await writeFile(path, await bytes());
    await expect(tokenizer.encode(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    const { code: exitCode, stdout, stderr } = await runCli("encode", path, "--model", tinyVqrae, "--json");
    const { error } = JSON.parse(stdout);
    expect([exitCode, error.code, stderr]).toEqual([1, code, `vqrae: ${error.message}\n`]);
    expect(error.message.replace(`${path}: `, "")).toMatch(message);
    expect(error.message).toContain(path.endsWith("long.png") ? `${path}: ` : path);
  });
});

test("a file that is not there", async () => {
  const path = join(folder, "missing.jpg");
  const message = `Expected a readable file for the image ${path} but received no such file.`;
  await expect(tokenizer.encode(path)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message });
  expect((await runCli("encode", path, "--model", tinyVqrae)).stderr).toBe(`vqrae: ${message}\n`);
});

test("raw pixels of no extent", async () => {
  await expect(tokenizer.encode({ data: new Uint8Array(0), width: 0, height: 3 })).rejects.toMatchObject({
    code: "INVALID_IMAGE",
    message: "Expected at least one pixel for the raw image but received 0 x 3 pixels.",
  });
});

describe("the pixel limit", () => {
  const message =
    /^Expected at most 100000000 pixels for the image .*but received 60000 x 60000 = 3600000000 pixels\. Raise the option maxPixels if you trust the image\.$/;

  test("refuses a bomb by its header", async () => {
    const path = join(folder, "bomb.png");
    await writeFile(path, await pngOf(60_000, 60_000));
    await expect(tokenizer.encode(path)).rejects.toMatchObject({
      code: "IMAGE_TOO_LARGE",
      message: expect.stringMatching(message),
    });
  });

  test("can be set: load's maxPixels and --max-pixels", async () => {
    await using strict = await VQRAE.load(tinyVqrae, { maxPixels: 400 });
    await strict.encode(picture(20, 20));
    await expect(strict.encode(picture(20, 21))).rejects.toMatchObject({
      code: "IMAGE_TOO_LARGE",
      message: expect.stringMatching(
        /^Expected at most 400 pixels for the raw image but received 20 x 21 = 420 pixels\./,
      ),
    });
    for (const command of [
      ["encode", photo],
      ["reconstruct", photo, join(folder, "out.png")],
    ]) {
      const { code, stderr } = await runCli(...command, "--model", tinyVqrae, "--max-pixels", "400");
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^vqrae: Expected at most 400 pixels for the image/)]);
    }
    const { stderr } = await runCli("encode", photo, "--max-pixels", "many");
    expect(stderr).toBe('vqrae: Expected a whole number of at least 1 for --max-pixels but received "many".\n');
  });
});
