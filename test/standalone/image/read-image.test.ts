import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ImageInput, RgbImage } from "../../../sdk/contract/image.ts";
import { encodePng } from "../../../sdk/image/encode-png.ts";
import { readImage } from "../../../sdk/image/read/read-image.ts";
import { pngOfParts } from "./png-of-parts.ts";

const raw: RgbImage = { data: Uint8Array.from({ length: 5 * 4 * 3 }, (_, i) => (i * 37) % 256), width: 5, height: 4 };
const create = {
  width: 200,
  height: 150,
  channels: 3,
  background: "teal",
  noise: { type: "gaussian", mean: 128, sigma: 50 },
} as const;
let png: Uint8Array;
let folder: string;

beforeAll(async () => {
  png = await encodePng(raw);
  folder = await mkdtemp(join(tmpdir(), "vqrae-image-"));
  await writeFile(join(folder, "a b#c.png"), png);
});
afterAll(() => rm(folder, { recursive: true }));

describe("every kind of input gives the same pixels", () => {
  const percent = (bytes: Uint8Array) => Array.from(bytes, (b) => `%${b.toString(16).padStart(2, "0")}`).join("");
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const inputs: Record<string, () => ImageInput> = {
    path: () => join(folder, "a b#c.png"),
    "file: URL": () => pathToFileURL(join(folder, "a b#c.png")),
    "file: URL as text": () => pathToFileURL(join(folder, "a b#c.png")).href,
    "data: URL, base64": () => `data:image/png;base64,${base64(png)}`,
    "data: URL, base64, percent-encoded, fragment": () => `DATA:;BASE64,${percent(Buffer.from(base64(png)))}#part`,
    "data: URL, percent-encoded": () => `data:,${percent(png)}`,
    "data: URL object": () => new URL(`data:image/png;base64,${base64(png)}`),
    Uint8Array: () => new Uint8Array(png),
    "a part of a Buffer": () =>
      Buffer.concat([Buffer.from("before"), png, Buffer.from("after")]).subarray(6, 6 + png.length),
    ArrayBuffer: () => new Uint8Array(png).buffer,
    "raw pixels": () => raw,
    "raw clamped pixels": () => ({ ...raw, data: new Uint8ClampedArray(raw.data) }),
  };
  it.each(Object.entries(inputs))("%s", async (_name, input) => {
    expect(await readImage(input())).toEqual({ ...raw, data: new Uint8Array(raw.data) });
  });

  it("and they own their memory", async () => {
    const image = await readImage(raw);
    expect(image.data).not.toBe(raw.data);
    const decoded = await readImage(png);
    expect(() => structuredClone(decoded, { transfer: [decoded.data.buffer as ArrayBuffer] })).not.toThrow();
  });
});

describe("colours become 8-bit RGB", () => {
  const pixels = async (bytes: Uint8Array) => Array.from((await readImage(bytes)).data);
  const wide = new Uint16Array([0, 255, 256, 32767, 32768, 65535]);

  it("16 bits: the high byte", async () => {
    const rgb = await sharp(wide, { raw: { width: 2, height: 1, channels: 3 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect(await pixels(rgb)).toEqual([0, 0, 1, 127, 128, 255]);
    const grey = await sharp(wide, { raw: { width: 6, height: 1, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    expect(await pixels(grey)).toEqual([0, 0, 1, 127, 128, 255].flatMap((v) => [v, v, v]));
  });

  it("an embedded RGB profile is ignored, as Pillow ignores it", async () => {
    const red = { create: { width: 1, height: 1, channels: 3, background: { r: 255, g: 0, b: 0 } } } as const;
    const p3 = await sharp(red).withIccProfile("p3").png().toBuffer();
    const [r, g] = await pixels(p3);
    expect(r).toBeLessThan(245);
    expect(g).toBeGreaterThan(30);
  });
});

describe("bad input", () => {
  const rejects = async (input: unknown, code: string, message: RegExp, options = {}) => {
    await expect(readImage(input as ImageInput, options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  };

  it.each([
    ["undefined", undefined],
    ["null", null],
    ["a number", 5],
    ["an empty string", ""],
    ["an array", [1, 2]],
    ["an object", {}],
    ["other typed arrays", new Float32Array(4)],
  ])("%s is no image", (_name, input) => rejects(input, "INVALID_ARGUMENT", /^Expected a path, a file: or data: URL/));

  it("remote URLs are refused with what to do", async () => {
    const mend = /Remote images are not fetched: fetch it yourself and pass the bytes/;
    await rejects("https://example.com/a.png", "INVALID_ARGUMENT", mend);
    await rejects(new URL("HTTP://example.com/a.png"), "INVALID_ARGUMENT", mend);
    await rejects("s3://bucket/a.png", "INVALID_ARGUMENT", mend);
  });

  it("paths that cannot be read", async () => {
    await rejects(join(folder, "none.png"), "INVALID_ARGUMENT", /none\.png but received nothing there\.$/);
    await rejects("package.json/a.png", "INVALID_ARGUMENT", /nothing there, since a part of its path is a file/);
    await rejects(folder, "INVALID_ARGUMENT", /received a folder/);
    await rejects("a\0b.png", "INVALID_ARGUMENT", /null bytes/);
    await rejects("file://elsewhere/a.png", "INVALID_ARGUMENT", /^Expected a file: URL of this machine/);
    if (process.platform !== "win32") await rejects("/dev/zero", "INVALID_ARGUMENT", /a device, pipe or socket/);
  });

  it("data: URLs that do not parse", async () => {
    await rejects("data:image/png", "INVALID_ARGUMENT", /a comma/);
    await rejects("data:image/png;base64,!!!!", "INVALID_ARGUMENT", /base64 data/);
    await rejects("data:,", "INVALID_IMAGE", /0 bytes/);
  });

  it.each([
    ["nothing", "", /received 0 bytes\./],
    ["text", "hello, world", /12 bytes of text that start with "hello, world"\./],
    ["random bytes", "\x00\xffnope", /6 bytes that start with 00 ff 6e 6f 70 65\./],
    ["SVG", '<svg xmlns="http://www.w3.org/2000/svg"/>', /an SVG or XML document/],
    ["SVG behind a declaration", '\n<?xml version="1.0"?><svg/>', /an SVG or XML document/],
    ["PDF", "%PDF-1.7", /a PDF document/],
    ["a video", "\0\0\0\x18ftypisom\0\0\0\0", /bytes that start with/],
  ])("%s is not a raster image", async (_name, text, message) => {
    await rejects(Buffer.from(text, "latin1"), "INVALID_IMAGE", message);
  });

  it("an empty file", async () => {
    const path = join(folder, "empty.jpg");
    await writeFile(path, "");
    await rejects(path, "INVALID_IMAGE", /empty\.jpg but received 0 bytes/);
  });

  it.each([
    ["JPEG", "jpeg", {}],
    ["progressive JPEG", "jpeg", { progressive: true }],
    ["PNG", "png", {}],
    ["WebP", "webp", {}],
    ["GIF", "gif", {}],
    ["TIFF", "tiff", { compression: "none" }],
    ["AVIF", "avif", { effort: 0 }],
  ] as const)("a truncated %s, wherever it is cut", async (_name, format, options) => {
    const bytes = await sharp({ create }).toFormat(format, options).toBuffer();
    expect(await readImage(bytes)).toMatchObject({ width: 200, height: 150 });
    for (const length of [bytes.length - 64, bytes.length >> 1, bytes.length >> 3, 40, 16]) {
      await rejects(bytes.subarray(0, length), "INVALID_IMAGE", /damaged, truncated or unsupported/);
    }
  });

  it("a signature and nothing behind it", async () => {
    await rejects(png.subarray(0, 8), "INVALID_IMAGE", /PNG of 8 bytes/);
    await rejects(Uint8Array.of(0xff, 0xd8, 0xff), "INVALID_IMAGE", /JPEG of 3 bytes/);
  });

  it("no pixels", async () => {
    await rejects(pngHeader(0, 7), "INVALID_IMAGE", /damaged/);
    await rejects({ data: new Uint8Array(0), width: 0, height: 0 }, "INVALID_IMAGE", /received 0 x 0 pixels/);
  });

  it("too many pixels, by the header alone", async () => {
    const bomb = pngHeader(100_000, 90_000);
    await rejects(bomb, "IMAGE_TOO_LARGE", /100000 x 90000 = 9000000000 pixels.* maxPixels/);
    await rejects(png, "IMAGE_TOO_LARGE", /at most 19 pixels .* 5 x 4 = 20 pixels/, { maxPixels: 19 });
    await rejects(raw, "IMAGE_TOO_LARGE", /at most 19 pixels/, { maxPixels: 19 });
    await expect(readImage(png, { maxPixels: 20 })).resolves.toMatchObject({ width: 5, height: 4 });
    for (const maxPixels of [0, -1, Number.NaN, "9"]) {
      await rejects(png, "INVALID_ARGUMENT", /for option "maxPixels" of readImage/, { maxPixels });
    }
  });

  it.each([
    [{ width: 5.5 }, /a positive integer for width/],
    [{ height: -4 }, /a positive integer for height/],
    [{ width: Number.NaN }, /a positive integer for width/],
    [{ width: "5" }, /a positive integer for width/],
    [{ data: [1, 2, 3] }, /a Uint8Array/],
    [{ data: new Float32Array(60) }, /a Uint8Array/],
    [{ data: new Uint8Array(81) }, /60 bytes \(5 x 4 RGB pixels\).*Uint8Array of 81 bytes/],
  ])("raw pixels with %o", async (wrong, message) => {
    await rejects({ ...raw, ...wrong }, "INVALID_ARGUMENT", message);
    await expect(encodePng({ ...raw, ...wrong } as RgbImage)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("sharp missing", async () => {
    vi.resetModules();
    vi.doMock("sharp", () => {
      throw new Error("Cannot find module");
    });
    const { readImage: withoutSharp } = await import("../../../sdk/image/read/read-image.ts");
    await expect(withoutSharp(png)).rejects.toMatchObject({
      code: "MISSING_DEPENDENCY",
      message: expect.stringContaining("Run `npm install sharp`"),
    });
    await expect(withoutSharp(raw)).resolves.toMatchObject({ width: 5 });
    vi.doUnmock("sharp");
    vi.resetModules();
  });
});

/** A PNG whose header promises width x height pixels and that holds none. */
const pngHeader = (width: number, height: number): Uint8Array =>
  pngOfParts(width, height, [8, 2, 0, 0, 0], Buffer.alloc(20));
