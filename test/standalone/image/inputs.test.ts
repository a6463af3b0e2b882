import { createReadStream, openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ImageInput, readImage, VQRAE } from "../../../sdk/index.ts";
import { photo, runCliWith, tinyModel } from "../cli/run-cli.ts";

const bytes = await readFile(photo);
const expected = await readImage(bytes);
let tokenizer: VQRAE;
beforeAll(async () => {
  tokenizer = await VQRAE.load(tinyModel);
});
afterAll(() => tokenizer.dispose());

async function* pieces(size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const forms: Record<string, () => Promise<ImageInput> | ImageInput> = {
  "a Blob": () => new Blob([bytes]),
  "a File": () => new File([bytes], "photo.jpg", { type: "image/jpeg" }),
  "a file opened as a Blob": () => openAsBlob(photo),
  "a Blob of another library": () => ({ size: bytes.length, stream: () => new Blob([bytes]).stream() }) as Blob,
  "a web stream": () => new Blob([bytes]).stream(),
  "the body of a response": () => new Response(bytes).body!,
  "a stream of Node": () => createReadStream(photo, { highWaterMark: 100 }),
  "a generator": () => pieces(1000),
};

describe("an image as apps have it", () => {
  test.each(Object.keys(forms))("%s", async (form) => {
    expect(await readImage(await forms[form]!())).toEqual(expected);
    expect(await tokenizer.encode(await forms[form]!())).toEqual(await tokenizer.encode(bytes));
  });

  test("among images, whose order holds", async () => {
    const all = await Promise.all(Object.values(forms).map((form) => form()));
    const one = await tokenizer.encode(bytes);
    expect(await tokenizer.encode([...all, photo])).toEqual(Array(all.length + 1).fill(one));
  });
});

describe("a stream", () => {
  test("is read once", async () => {
    for (const stream of [createReadStream(photo), new Blob([bytes]).stream()]) {
      await readImage(stream);
      await expect(readImage(stream)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("a stream that nobody has read for the image but received one that was read"),
      });
    }
  });

  test("that fails, has text or has nothing", async () => {
    async function* failing() {
      yield bytes.subarray(0, 100);
      throw new Error("the line broke");
    }
    const code = "INVALID_ARGUMENT";
    await expect(tokenizer.encode([photo, failing()])).rejects.toMatchObject({
      code,
      index: 1,
      message: expect.stringContaining("the line broke"),
    });
    await expect(readImage(createReadStream("no-such-file.png"))).rejects.toMatchObject({
      code,
      message: expect.stringContaining("ENOENT"),
    });
    await expect(readImage(createReadStream(photo, "latin1"))).rejects.toMatchObject({
      code,
      message: expect.stringContaining("a stream of bytes"),
    });
    await expect(readImage(Readable.from([]))).rejects.toMatchObject({
      code: "INVALID_IMAGE",
      message: expect.stringContaining("0 bytes"),
    });
  });

  test("of more than 1 GiB is refused on the way, and closed", async () => {
    let closed = false;
    async function* endless() {
      const piece = new Uint8Array(2 ** 26);
      try {
        for (;;) yield piece;
      } finally {
        closed = true;
      }
    }
    await expect(readImage(endless())).rejects.toMatchObject({
      code: "IMAGE_TOO_LARGE",
      message: expect.stringContaining("at most 1073741824 bytes"),
    });
    expect(closed).toBe(true);
    const blob = { size: 2 ** 31, stream: () => expect.fail("it was opened") } as unknown as Blob;
    await expect(readImage(blob)).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
  });

  test.each(["web", "node"] as const)("that gives nothing ends with the signal, and is closed: %s", async (kind) => {
    const readers = [
      (stream: ImageInput, signal: AbortSignal) => tokenizer.encode(stream, { signal }),
      (stream: ImageInput, signal: AbortSignal) => readImage(stream, { signal }),
    ];
    for (const read of readers) {
      const stop = new AbortController();
      const { stream, closed } = silent[kind]();
      const reading = read(stream, stop.signal);
      setImmediate(() => stop.abort(new Error("enough")));
      await expect(reading).rejects.toThrow("enough");
      expect(await closed).toMatchObject({ message: "enough" });
    }
  });
});

/** A stream that never gives anything, and what closes it. */
function closing<T>(make: (onClose: (reason: unknown) => void) => T) {
  let onClose: (reason: unknown) => void = () => {};
  const closed = new Promise<unknown>((resolve) => {
    onClose = resolve;
  });
  return { stream: make(onClose), closed };
}
const silent = {
  web: () => closing((cancel) => new ReadableStream<Uint8Array>({ cancel })),
  node: () =>
    closing((onClose) => {
      const destroy = (error: Error | null, done: (error: Error | null) => void) => {
        onClose(error);
        done(error);
      };
      return new Readable({ read() {}, destroy });
    }),
};

describe("- on the command line is standard input", { timeout: 60_000 }, () => {
  test("for encode", async () => {
    const { code, stdout } = await runCliWith(bytes, "encode", "-", "--model", tinyModel);
    expect(code).toBe(0);
    const [image] = JSON.parse(stdout).images;
    expect(image.ids).toEqual([...(await tokenizer.encode(bytes)).ids!]);
  });
});
