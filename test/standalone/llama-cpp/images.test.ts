import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isVirtualToken } from "../../../adapters/llama-cpp/native/virtual-tokens.ts";
import { keyedImage } from "../../../adapters/llama-cpp/vision/image-content.ts";
import { ImageLibrary } from "../../../adapters/llama-cpp/vision/image-library.ts";
import { KEY_DIGITS, placeholder, splitAtPlaceholders } from "../../../adapters/llama-cpp/vision/placeholder.ts";
import { gridPositions, linePositions } from "../../../adapters/llama-cpp/vision/positions.ts";
import type { ImageEmbeddings } from "../../../sdk/index.ts";

const key = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_"), minLength: KEY_DIGITS, maxLength: KEY_DIGITS });
const plain = fc.string().map((text) => text.replaceAll(/[\uFDD0\uFDD1]/g, ""));

describe("placeholders", () => {
  it("are found again between any texts", () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(plain, key)), plain, (pairs, end) => {
        const text = pairs.map(([before, key]) => before + placeholder(key)).join("") + end;
        const expected = [...pairs.flatMap(([text, key]) => [{ text }, { key }]), { text: end }];
        expect(splitAtPlaceholders(text)).toEqual(pairs.length === 0 ? null : expected);
      }),
    ));

  it("leave nothing of themselves where a text is cut anywhere", () =>
    fc.assert(
      fc.property(key, fc.nat(KEY_DIGITS + 2), (key, at) => {
        const placed = placeholder(key);
        for (const part of [`see ${placed.slice(0, at)}`, `${placed.slice(at)} see`]) {
          const pieces = splitAtPlaceholders(part) ?? [{ text: part }];
          const texts = pieces.map((piece) => ("text" in piece ? piece.text : ""));
          expect(texts.join("").trim()).toBe("see");
        }
      }),
    ));
});

describe("positions of an image in a model with several axes", () => {
  it("are those of transformers' Qwen2-VL (get_rope_index of 5.18, two tokens, 2 x 3 places)", () => {
    const [t, y, x] = [
      [2, 2, 2, 2, 2, 2],
      [2, 2, 2, 3, 3, 3],
      [2, 3, 4, 2, 3, 4],
    ];
    expect([...gridPositions(2, { grid: { rows: 2, columns: 3 }, times: [0] })]).toEqual([
      ...t!,
      ...y!,
      ...x!,
      0,
      0,
      0,
      0,
      0,
      0,
    ]);
  });

  it("are one line otherwise", () => {
    expect([...linePositions(5, 3)]).toEqual([5, 6, 7]);
  });
});

const photo = new URL("../../../examples/images/cat.jpg", import.meta.url);

describe("an image's key", () => {
  it("is the same for a path, a file: URL and the bytes, and another for another tokenizer", async () => {
    const bytes = await readFile(photo);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    const copies = [bytes, new Uint8Array(bytes).buffer, shared, shared.buffer];
    const images = [photo.pathname, photo, pathToFileURL(photo.pathname).href, ...copies];
    const keys = await Promise.all(images.map((image) => keyedImage(image, "a").then((keyed) => keyed.key)));
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toHaveLength(KEY_DIGITS);
    expect((await keyedImage(bytes, "b")).key).not.toBe(keys[0]);
  });

  it("tells raw pixels of one size from those of another", async () => {
    const data = new Uint8Array(12);
    const [a, b] = [
      await keyedImage({ data, width: 2, height: 2 }, ""),
      await keyedImage({ data, width: 4, height: 1 }, ""),
    ];
    expect(a.key).not.toBe(b.key);
  });
});

const WIDTH = 4;
const embeddings = (rows: number, columns = 1): ImageEmbeddings => ({
  segments: [
    { type: "text", text: "<" },
    {
      type: "embeddings",
      data: new Float32Array(rows * columns * WIDTH).fill(rows),
      grid: { rows, columns },
      attention: "causal",
    },
    { type: "text", text: ">" },
  ],
  embeddingDim: WIDTH,
  tokens: rows * columns,
});
const library = (cacheBytes = 1e6, multiAxis = false, mostImages = 100) =>
  new ImageLibrary({ cacheBytes, mostImages, multiAxis, tokenize: (text) => [...text].map((c) => c.charCodeAt(0)) });

describe("ImageLibrary", () => {
  it("gives each image places of its own, which lead back to their rows", () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        const images = library();
        for (const [i, size] of sizes.entries()) images.add(`image ${i}`, embeddings(size));
        const seen = new Set<number>();
        for (const [i, size] of sizes.entries()) {
          const tokens = images.tokensOf(`image ${i}`);
          expect([tokens[0], tokens.at(-1)]).toEqual([60, 62]);
          for (const [row, token] of tokens.slice(1, -1).entries()) {
            expect(isVirtualToken(token) && !seen.has(token)).toBe(true);
            seen.add(token);
            expect(images.placesOf(token)).toMatchObject({ index: row, places: { key: `image ${i}`, rows: size } });
          }
        }
      }),
      { numRuns: 30 },
    ));

  it("gives an image the same places in another library", () => {
    const [a, b] = [library(), library()];
    a.add("other", embeddings(9));
    for (const images of [a, b]) images.add("image", embeddings(7));
    expect(a.tokensOf("image")).toEqual(b.tokensOf("image"));
  });

  it("counts a grid by its longer side where positions have several axes", () => {
    const images = library(1e6, true);
    images.add("image", embeddings(4, 6));
    expect(images.tokensOf("image").filter(isVirtualToken)).toHaveLength(6);
  });

  it("drops the embeddings that were used least lately, and never the newest", () => {
    const images = library(5 * WIDTH * 4);
    images.add("a", embeddings(2));
    images.add("b", embeddings(2));
    images.tokensOf("a");
    images.add("c", embeddings(3));
    expect([images.has("a"), images.has("b"), images.has("c")]).toEqual([true, false, true]);
    images.add("large", embeddings(50));
    expect(images.cached).toEqual({ images: 1, bytes: 50 * WIDTH * 4 });
    expect(images.tokensOf("b")).toHaveLength(4); // its places stay
  });

  it("drops the places that were used least lately, and gives an image that comes again the same ones", () => {
    const images = library(1e6, false, 2);
    images.add("a", embeddings(2));
    images.add("b", embeddings(3));
    const [a, b] = [images.tokensOf("a"), images.tokensOf("b")];
    expect(images.placesOf(a[1]!).places.key).toBe("a");
    images.tokensOf("b");
    images.add("c", embeddings(2));
    expect([images.has("a"), images.has("b"), images.has("c")]).toEqual([false, true, true]);
    expect(images.cached.images).toBe(2);
    expect(() => images.tokensOf("a")).toThrow(/images that this vision knows/);
    expect(() => images.placesOf(a[1]!)).toThrow(/images that this vision knows/);
    images.add("a", embeddings(2));
    expect(images.tokensOf("a")).toEqual(a);
    expect(images.placesOf(a[1]!)).toMatchObject({ index: 0, places: { key: "a" } });
    expect(() => images.tokensOf("b")).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    images.add("b", embeddings(3));
    expect(images.tokensOf("b")).toEqual(b);
  });
});
