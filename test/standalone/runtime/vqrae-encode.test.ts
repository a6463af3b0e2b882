import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ImageInput, type ImageTokens, VQRAE } from "../../../sdk/index.ts";
import { requireFeatureDim } from "../../../sdk/kit.ts";
import { picture, tinyEncoder, tinyVqrae } from "./fixtures/tiny.ts";

let folder: string;
let tokenizer: VQRAE;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-encode-"));
  tokenizer = await VQRAE.load(tinyVqrae, { workers: 2, threads: 1, batchSize: 3 });
});
afterAll(async () => {
  await tokenizer.dispose();
  await rm(folder, { recursive: true });
});

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable("it was encoded"),
    (error: unknown) => error as Error & { code: string },
  );

describe("encode", () => {
  it("gives features, ids and the grid of one image", async () => {
    const { info } = tokenizer;
    const tokens = await tokenizer.encode(picture(40, 30));
    const count = info.maxTokens;
    expect(tokens.grid).toEqual(info.grid);
    expect(tokens.features).toHaveLength(count * requireFeatureDim(info));
    expect(tokens.features!.every(Number.isFinite)).toBe(true);
    expect(tokens.classToken).toHaveLength(requireFeatureDim(info));
    expect(tokens.ids).toHaveLength(count);
    expect(tokens.ids!.every((id) => Number.isInteger(id) && id >= 0 && id < info.codebook!.size)).toBe(true);
    expect(new Set(tokens.ids).size).toBeGreaterThan(1);
  });

  it("computes only what is asked for", async () => {
    const image = picture(40, 30);
    const both = await tokenizer.encode(image);
    const features = await tokenizer.encode(image, { ids: false });
    expect(Object.keys(features).sort()).toEqual(["classToken", "features", "grid"]);
    expect(features.features).toEqual(both.features);
    const ids = await tokenizer.encode(image, { features: false });
    expect(Object.keys(ids).sort()).toEqual(["grid", "ids"]);
    expect(ids.ids).toEqual(both.ids);
  });

  it("gives the same tokens for every kind of input", async () => {
    const raw = picture(48, 40);
    const png = await sharp(raw.data, { raw: { width: 48, height: 40, channels: 3 } })
      .png()
      .toBuffer();
    const path = join(folder, "picture.png");
    await writeFile(path, png);
    const inputs: ImageInput[] = [
      raw,
      { ...raw, data: new Uint8ClampedArray(raw.data) },
      path,
      pathToFileURL(path),
      pathToFileURL(path).href,
      `data:image/png;base64,${png.toString("base64")}`,
      png,
      new Uint8Array(png),
      new Uint8Array(png).buffer,
    ];
    const [first, ...others] = await tokenizer.encode(inputs);
    for (const other of others) expect(other).toEqual(first);
  });

  it("keeps the order, and an image's tokens do not depend on its batch", async () => {
    const images = Array.from({ length: 17 }, (_, i) => picture(20 + ((i * 13) % 40), 24 + ((i * 7) % 50), i));
    const singles: ImageTokens[] = [];
    for (const image of images) singles.push(await tokenizer.encode(image));
    expect(await tokenizer.encode(images)).toEqual(singles);
    await using other = await VQRAE.load(tinyVqrae, { workers: 1, threads: 2, batchSize: 16 });
    expect(await other.encode(images)).toEqual(singles);
  });

  it("serves many calls at once", async () => {
    const images = Array.from({ length: 12 }, (_, i) => picture(32, 32, i));
    const together = await Promise.all(images.map((image) => tokenizer.encode(image)));
    expect(together).toEqual(await tokenizer.encode(images));
  });

  it("leaves the caller's buffers as they are", async () => {
    const raw = picture(32, 32);
    const png = new Uint8Array(
      await sharp(raw.data, { raw: { width: 32, height: 32, channels: 3 } })
        .png()
        .toBuffer(),
    );
    const before = [raw.data.slice(), png.slice()];
    // The same memory twice in one batch, and a view into a larger buffer.
    const view = { ...raw, data: new Uint8Array(raw.data.buffer, 0, 16 * 32 * 3), height: 16 };
    await tokenizer.encode([raw, raw, view, png, png.buffer]);
    expect([raw.data, png]).toEqual(before);
    expect(view.data).toHaveLength(16 * 32 * 3);
  });

  it("gives each image memory of its own", async () => {
    const results = await tokenizer.encode([picture(8, 8), picture(8, 8, 1), picture(8, 8, 2)]);
    for (const { features, ids } of results) {
      expect(features!.buffer.byteLength).toBe(features!.byteLength);
      expect(ids!.buffer.byteLength).toBe(ids!.byteLength);
    }
  });

  it("gives no results for no images", async () => {
    expect(await tokenizer.encode([])).toEqual([]);
  });

  it("gives features only from an encoder alone", async () => {
    await using encoder = await VQRAE.load(tinyEncoder);
    const tokens = await encoder.encode(picture(32, 32));
    expect(Object.keys(tokens).sort()).toEqual(["features", "grid"]);
    expect(await failure(encoder.encode(picture(32, 32), { ids: true }))).toMatchObject({ code: "UNSUPPORTED" });
    const nothing = await failure(encoder.encode(picture(32, 32), { features: false }));
    expect(nothing).toMatchObject({ code: "INVALID_ARGUMENT" });
    const ids = new Int32Array(encoder.info.maxTokens);
    expect(await failure(encoder.decode(ids))).toMatchObject({ code: "UNSUPPORTED" });
    expect(await failure(encoder.codebookVectors(ids))).toMatchObject({ code: "UNSUPPORTED" });
  });

  it("keeps the event loop ticking", async () => {
    await using bulk = await VQRAE.load(tinyVqrae, { batchSize: 48 });
    const images = Array.from({ length: 48 }, (_, i) => picture(700, 700, i));
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 1);
    await bulk.encode(images);
    clearInterval(timer);
    // Two batches of 24: were they resized and run on this thread, the timer would fire between them only.
    expect(ticks).toBeGreaterThan(20);
  });
});

describe("encode refuses", () => {
  it("nothing to compute", async () => {
    const error = await failure(tokenizer.encode(picture(8, 8), { features: false, ids: false }));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(error.message).toBe(
      "Expected features or ids to compute for the options of encode but received features: false and ids: false.",
    );
  });

  it("an unknown option, by name", async () => {
    const error = await failure(tokenizer.encode(picture(8, 8), { id: true } as never));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining('"id"') });
  });

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["a number", 5],
    ["an empty object", {}],
    ["a missing file", "no-such-file.png"],
    ["empty bytes", new Uint8Array(0)],
    ["bytes that are no image", new Uint8Array(100).fill(7)],
    ["raw pixels that are too few", { data: new Uint8Array(5), width: 2, height: 2 }],
    ["raw pixels without any", { data: new Uint8Array(0), width: 0, height: 0 }],
    ["a remote URL", "https://example.invalid/photo.jpg"],
  ])("%s, and names its index in an array", async (_, bad) => {
    const alone = await failure(tokenizer.encode(bad as ImageInput));
    expect(alone.code).toMatch(/^(INVALID_ARGUMENT|INVALID_IMAGE)$/);
    const good = picture(16, 16);
    const inArray = await failure(tokenizer.encode([good, good, good, good, bad as ImageInput, good]));
    expect(inArray).toMatchObject({ code: alone.code, message: `images[4]: ${alone.message}` });
  });

  it("an image above maxPixels", async () => {
    await using strict = await VQRAE.load(tinyVqrae, { maxPixels: 100 });
    await strict.encode(picture(10, 10));
    expect(await failure(strict.encode(picture(10, 11)))).toMatchObject({ code: "IMAGE_TOO_LARGE" });
  });
});

describe("encode with a signal", () => {
  const reason = new Error("enough");
  const images = Array.from({ length: 60 }, (_, i) => picture(300, 300, i));

  it("throws the reason before it starts", async () => {
    expect(await failure(tokenizer.encode(images, { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  it("throws the reason while it runs, and the tokenizer goes on", async () => {
    const controller = new AbortController();
    const pending = failure(tokenizer.encode(images, { signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 5);
    expect(await pending).toBe(reason);
    expect((await tokenizer.encode(images[0]!)).ids).toBeDefined();
  });
});

describe("dispose", () => {
  it("may be called twice; what comes after throws DISPOSED", async () => {
    const one = await VQRAE.load(tinyVqrae);
    await Promise.all([one.dispose(), one.dispose()]);
    await one.dispose();
    const ids = new Int32Array(one.info.maxTokens);
    const message =
      "Expected a tokenizer that is in use for this call but received one after dispose(). Load it again.";
    for (const call of [
      one.encode(picture(8, 8)),
      one.encode([]),
      one.decode(ids),
      one.codebookVectors([0]),
      one.reconstructionTarget(picture(8, 8)),
    ]) {
      expect(await failure(call as Promise<unknown>)).toMatchObject({ code: "DISPOSED", message });
    }
  });

  it("during a call lets the running batch finish and ends the call with DISPOSED", async () => {
    const one = await VQRAE.load(tinyVqrae, { batchSize: 2 });
    const pending = failure(one.encode(Array.from({ length: 80 }, (_, i) => picture(200, 200, i))));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await one.dispose();
    expect(await pending).toMatchObject({ code: "DISPOSED" });
  });
});
