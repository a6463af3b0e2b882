import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodePng, readImage, VQRAE } from "../../../sdk/index.ts";
import { runCli } from "../cli/run-cli.ts";
import { pngOfParts } from "../image/png-of-parts.ts";
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

const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;

/** A whole black PNG of one bit a pixel. */
const onePixelPerBit = (width: number, height: number): Buffer =>
  pngOfParts(width, height, [1, 0, 0, 0, 0], deflateSync(Buffer.alloc((1 + Math.ceil(width / 8)) * height)));

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
  const message = `Expected a readable file for the image ${path} but received nothing there.`;
  await expect(tokenizer.encode(path)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message });
  expect((await runCli("encode", path, "--model", tinyVqrae)).stderr).toBe(`vqrae: ${message}\n`);
});

test("raw pixels of no extent", async () => {
  await expect(tokenizer.encode({ data: new Uint8Array(0), width: 0, height: 3 })).rejects.toMatchObject({
    code: "INVALID_IMAGE",
    message: "Expected at least one pixel for the raw image but received 0 x 3 pixels.",
  });
});

describe("images at the edge of what there is", () => {
  test("60,000 pixels wide: the same tokens as its pixels", async () => {
    const width = 60_000;
    const pixels = picture(width, 8);
    const png = await encodePng(pixels);
    const [fromFile, fromPixels] = await tokenizer.encode([png, pixels]);
    expect(fromFile).toEqual(fromPixels);
  });

  test("a bomb of 50,000 x 50,000 pixels in 400 kB, all of them there", async () => {
    const side = 50_000;
    const bomb = onePixelPerBit(side, side);
    expect(bomb.length).toBeLessThan(400_000);
    await expect(tokenizer.encode(bomb)).rejects.toMatchObject({
      code: "IMAGE_TOO_LARGE",
      message: expect.stringContaining("but received 50000 x 50000 = 2500000000 pixels"),
    });
  });

  test("a HEIC photo that is none", async () => {
    const avif = await sharp({ create: { width: 64, height: 64, channels: 3, background: "teal" } })
      .avif({ effort: 0 })
      .toBuffer();
    const heic = Buffer.from(
      avif.toString("latin1").replaceAll("ftypavif", "ftypheic").replaceAll("av01", "hvc1").replaceAll("av1C", "hvcC"),
      "latin1",
    );
    await expect(tokenizer.encode(heic)).rejects.toMatchObject({
      code: "INVALID_IMAGE",
      message: expect.stringMatching(/a damaged, truncated or unsupported HEIC of .*The decoder says: /),
    });
  });
});

describe("buffers that are not plain", () => {
  const given = async () => new Uint8Array(await readFile(photo));
  const detached = async () => {
    const bytes = await given();
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    return bytes;
  };
  const { data, width, height } = picture(20, 20);

  test("detached ones are named", async () => {
    const bytes = await detached();
    for (const input of [bytes, bytes.buffer]) {
      await expect(tokenizer.encode(input)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: "Expected bytes for the image but received a detached buffer, whose bytes went to another thread.",
      });
    }
    await expect(tokenizer.encode({ data: bytes, width, height })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("shared, resizable and clamped ones give the same tokens, and stay as they were", async () => {
    const bytes = await given();
    const into = (buffer: ArrayBufferLike, values: ArrayLike<number>) => {
      const view = new Uint8Array(buffer);
      view.set(values);
      return view;
    };
    const size = bytes.length;
    const encoded = await tokenizer.encode(bytes);
    const shared = into(new SharedArrayBuffer(size), bytes);
    const resizable = into(Reflect.construct(ArrayBuffer, [size, { maxByteLength: 2 * size }]), bytes);
    for (const input of [shared, shared.buffer, resizable, resizable.buffer]) {
      expect(await tokenizer.encode(input)).toEqual(encoded);
    }
    const raw = await tokenizer.encode({ data, width, height });
    const rawInputs = [into(new SharedArrayBuffer(1200), data), new Uint8ClampedArray(data), Buffer.from(data)];
    for (const pixels of rawInputs) {
      expect(await tokenizer.encode({ data: pixels, width, height })).toEqual(raw);
      expect([...pixels]).toEqual([...data]);
    }
  });

  test("raw pixels of RGBA and of grey: alpha is dropped as of a PNG file", async () => {
    const [rgba, grey, of] = [new Uint8ClampedArray(1600), new Uint8Array(400), new Uint8Array(1200)];
    for (let i = 0; i < 400; i++) {
      rgba.set([data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!, i % 256], 4 * i);
      grey[i] = data[3 * i]!;
      of.fill(data[3 * i]!, 3 * i, 3 * i + 3);
    }
    const png = await sharp(rgba, { raw: { width, height, channels: 4 } })
      .png()
      .toBuffer();
    const raw = await tokenizer.encode({ data, width, height });
    // A canvas' ImageData has more fields.
    const imageData = { data: rgba, width, height, colorSpace: "srgb" };
    expect(await tokenizer.encode([imageData, png])).toEqual([raw, raw]);
    expect(await readImage(imageData)).toEqual({ data, width, height });
    expect(await tokenizer.encode({ data: grey, width, height })).toEqual(
      await tokenizer.encode({ data: of, width, height }),
    );
  });

  test.each([2, 5])("raw pixels of %d channels", async (channels) => {
    const pixels = new Uint8Array(20 * 20 * channels);
    await expect(tokenizer.encode({ data: pixels, width, height })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message:
        "Expected 1200 bytes (20 x 20 RGB pixels) or 1600 bytes (20 x 20 RGBA pixels) or 400 bytes (20 x 20 grey pixels) " +
        `for data of the raw image but received Uint8Array of ${400 * channels} bytes. ` +
        "Raw pixels have 8 bits a channel and no row padding.",
    });
  });
});

describe("property: files with damaged bytes give an image or INVALID_IMAGE", () => {
  const formats = ["jpeg", "png", "webp", "gif", "tiff"] as const;
  test.each(formats)("%s", async (format) => {
    const sound = await sharp({ create: { width: 40, height: 30, channels: 3, background: "teal", noise } })
      .toFormat(format)
      .toBuffer();
    const damage = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = Buffer.from(sound);
        for (const [at, value] of changes) bytes[at] = value;
        const outcome = await readImage(bytes).catch((error: unknown) => error);
        if (!(outcome instanceof Error)) return;
        expect(["INVALID_IMAGE", "IMAGE_TOO_LARGE"]).toContain((outcome as Error & { code: string }).code);
      }),
      { numRuns: 60 },
    );
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
