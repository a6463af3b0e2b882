import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type GgufFile, ggufValue, readGguf, readGgufTensor, writeGguf } from "../../../adapters/gguf/index.ts";
import { carrierFor, packEmbeddings, readCarrier, writeCarrier } from "../../../adapters/llama-cpp/carrier/index.ts";
import type { RgbImage } from "../../../sdk/index.ts";
import { gaussian, uniform } from "../../helpers/random.ts";
import { writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { writeTinyMmproj } from "../../helpers/tiny-mmproj.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";

/** What llama.cpp's phi4 graph computes of an image, from the mmproj's own tensors, in doubles. */
async function unpack(mmproj: GgufFile, { data, width, height }: RgbImage): Promise<number[][]> {
  const tensor = (name: string) => readGgufTensor(mmproj, name);
  const [conv, first, firstBias] = [
    await tensor("v.patch_embd.weight"),
    await tensor("mm.0.weight"),
    await tensor("mm.0.bias"),
  ];
  const [second, secondBias] = [await tensor("mm.2.weight"), await tensor("mm.2.bias")];
  const [channels, , patch] = mmproj.tensors.get("v.patch_embd.weight")!.shape as [number, number, number, number];
  const tokens: number[][] = [];
  for (let top = 0; top < height; top += patch) {
    for (let left = 0; left < width; left += patch) {
      const input: number[] = [];
      for (let colour = 0; colour < 3; colour++) {
        for (let y = 0; y < patch; y++) {
          for (let x = 0; x < patch; x++) input.push(data[((top + y) * width + left + x) * 3 + colour]!);
        }
      }
      const embedded = product(conv, input, channels);
      const hidden = product(first, embedded, channels).map((value, i) => gelu(value + firstBias[i]!));
      tokens.push(product(second, hidden, secondBias.length).map((value, i) => value + secondBias[i]!));
    }
  }
  return tokens;
}

function product(matrix: Float32Array, vector: readonly number[], rows: number): number[] {
  return Array.from({ length: rows }, (_, row) =>
    vector.reduce((sum, value, i) => sum + value * matrix[row * vector.length + i]!, 0),
  );
}
const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

describe("the mmproj gives back what was packed, to half a step", () => {
  test.each([
    { embeddingDim: 1, range: 64, count: 2 },
    { embeddingDim: 5, range: 32, count: 6 },
    { embeddingDim: 16, range: 1024, count: 7 },
    { embeddingDim: 23, range: 32_768, count: 4 },
  ])("$embeddingDim numbers from -$range to $range", async ({ count, ...carrier }) => {
    const path = join(await temporaryFolder(), "mmproj.gguf");
    await writeCarrier(path, carrier);
    const step = carrier.range / 2 ** 23;
    const largest = Math.fround(carrier.range - step);
    const embeddings = gaussian(uniform(3), count * carrier.embeddingDim, carrier.range / 8);
    embeddings.set([-carrier.range, largest].slice(0, carrier.embeddingDim));
    const unpacked = await unpack(await readGguf(path), packEmbeddings(carrier, embeddings));
    const errors = unpacked.flat().map((value, i) => Math.abs(value - embeddings[i]!));
    expect(errors).toHaveLength(embeddings.length);
    expect(Math.max(...errors)).toBeLessThanOrEqual(step / 2);
  });
});

test("property: patches lie in raster order, as square as they can", () => {
  const carriers = fc.record({ embeddingDim: fc.integer({ min: 1, max: 20 }), range: fc.constantFrom(32, 64) });
  fc.assert(
    fc.property(carriers, fc.integer({ min: 1, max: 60 }), (carrier, count) => {
      const { embeddingDim, range } = carrier;
      const embeddings = Float32Array.from({ length: count * embeddingDim }, (_, i) => i % range);
      const { data, width, height } = packEmbeddings(carrier, embeddings);
      const side = Math.ceil(Math.sqrt(embeddingDim));
      expect([width % side, height % side, (width / side) * (height / side)]).toEqual([0, 0, count]);
      expect(height).toBeLessThanOrEqual(width);
      for (let i = 0; i < embeddings.length; i++) {
        const [token, number] = [Math.floor(i / embeddingDim), i % embeddingDim];
        const x = (token % (width / side)) * side + (number % side);
        const y = Math.floor(token / (width / side)) * side + Math.floor(number / side);
        const [high, middle, low] = data.subarray((y * width + x) * 3) as unknown as [number, number, number];
        expect(((high * 256 + middle) * 256 + low) * (range / 2 ** 23) - range).toBe(embeddings[i]);
      }
    }),
    { numRuns: 40 },
  );
});

test("a carrier's file says what it carries, and fits its language model", async () => {
  const folder = await temporaryFolder();
  const llm = await writeTinyLlm(join(folder, "llm.gguf"), "llama");
  const carrier = await carrierFor(llm.path, 128);
  expect(carrier).toEqual({ embeddingDim: 64, range: 128 });
  await writeCarrier(join(folder, "mmproj.gguf"), carrier);
  expect(await readCarrier(join(folder, "mmproj.gguf"))).toEqual(carrier);
});

test("bad input", async () => {
  const folder = await temporaryFolder();
  const [path, mmproj] = [join(folder, "x.gguf"), join(folder, "mmproj.gguf")];
  await writeTinyMmproj(mmproj);
  const qwen2vl = await writeTinyLlm(join(folder, "qwen2vl.gguf"), "qwen2vl");
  const before = await readdir(folder);
  const bad: [() => Promise<unknown>, string, RegExp][] = [
    [() => writeCarrier(path, { embeddingDim: 0, range: 64 }), "INVALID_ARGUMENT", /1 to 16384 for embeddingDim/],
    [() => writeCarrier(path, { embeddingDim: 64, range: 100 }), "INVALID_ARGUMENT", /a power of two from 32 to 32768/],
    [() => writeCarrier(path, { embeddingDim: 64, range: 16 }), "INVALID_ARGUMENT", /a power of two from 32 to 32768/],
    [
      () => writeCarrier(join(folder, "no/x.gguf"), { embeddingDim: 4, range: 64 }),
      "IO_ERROR",
      /a path that the system can write/,
    ],
    [() => readCarrier(mmproj), "INVALID_GGUF", /a pixel carrier .* received "mlp".*vqrae carrier/],
    [() => carrierFor(mmproj), "UNSUPPORTED", /the GGUF of a language model .* architecture clip/],
    [() => carrierFor(qwen2vl.path), "UNSUPPORTED", /one position a token .* qwen2vl/],
    [() => carrierFor(join(folder, "nothing.gguf")), "CHECKPOINT_NOT_FOUND", /readable file/],
  ];
  for (const [call, code, message] of bad) {
    expect(await failure(call())).toEqual({ code, message: expect.stringMatching(message) });
  }
  expect(await readdir(folder)).toEqual(before);

  await writeGguf(path, [["general.architecture", ggufValue.string("llama")]], []);
  expect(await failure(carrierFor(path))).toMatchObject({ code: "UNSUPPORTED" });
});
