import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { buildDecoderGraph } from "../../../sdk/families/vqrae/decoder.ts";
import { buildCodebookGraph, buildQuantizerGraph } from "../../../sdk/families/vqrae/quantizer.ts";
import { buildEncoderGraph } from "../../../sdk/nn/vit/encoder.ts";
import { largestDifference } from "../../golden/expected.ts";
import { quantize } from "../search/quantize.ts";
import { int64, run } from "./session.ts";
import { type TinyCheckpoint, type TinyOptions, writeTinyCheckpoint } from "./tiny-checkpoint.ts";

const folders: string[] = [];
const tiny = (options?: TinyOptions): TinyCheckpoint => {
  const folder = mkdtempSync(join(tmpdir(), "vqrae-graph-"));
  folders.push(folder);
  return writeTinyCheckpoint(folder, options);
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const patchesPerImage = 9;
const patchWidth = 48;
const imageSize = patchesPerImage * patchWidth;
/** Deterministic noise in [-1, 1]. */
const noise = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * i * 0.7 + i));
const encode = (checkpoint: Parameters<typeof buildEncoderGraph>[0], data: Float32Array) =>
  run(buildEncoderGraph(checkpoint), { patches: { data, shape: [data.length / patchWidth, patchWidth] } });

const quantizerOf = ({ quantizer }: TinyCheckpoint) => ({
  codebook: { size: quantizer.size, dim: quantizer.dim },
  graphs: {
    encode: { takes: "patches" as const, build: () => buildCodebookGraph(quantizer) },
    quantize: () => buildQuantizerGraph(quantizer),
    codebook: () => buildCodebookGraph(quantizer),
  },
});

describe("the encoder graph", () => {
  it("gives each image the same bits in any batch", async () => {
    const checkpoint = tiny();
    const pixels = noise(8 * imageSize);
    const all = await encode(checkpoint, pixels);
    for (const batch of [1, 2]) {
      const features: number[] = [];
      const inputs: number[] = [];
      for (let i = 0; i < pixels.length; i += batch * imageSize) {
        const part = await encode(checkpoint, pixels.slice(i, i + batch * imageSize));
        features.push(...part.features!.data);
        inputs.push(...part.quantizer_input!.data);
      }
      expect(Float32Array.from(features)).toEqual(all.features!.data);
      expect(Float32Array.from(inputs)).toEqual(all.quantizer_input!.data);
    }
  });

  it("computes the same with attention written out, as WebGPU runs it", async () => {
    const checkpoint = tiny();
    const patches = { data: noise(2 * imageSize), shape: [2 * patchesPerImage, patchWidth] };
    const fused = await run(buildEncoderGraph(checkpoint), { patches });
    const written = await run(buildEncoderGraph(checkpoint, { fusedAttention: false }), { patches });
    expect(Object.keys(written)).toEqual(Object.keys(fused));
    for (const [name, { data, shape }] of Object.entries(fused)) {
      expect(written[name]!.shape).toEqual(shape);
      expect(largestDifference(written[name]!.data, data)).toBeLessThan(1e-5);
      expect(written[name]!.data).not.toEqual(data); // it did take the other way
    }
  });

  it("computes the same from F32, F16 and BF16 files that hold the same numbers", async () => {
    const pixels = noise(2 * imageSize);
    const reference = await encode(tiny({ dtype: "F32" }), pixels);
    expect(await encode(tiny({ dtype: "F16" }), pixels)).toEqual(reference);
    expect(await encode(tiny({ dtype: "BF16" }), pixels)).toEqual(reference);
  });

  it("has no class_token without a class token and no quantizer_input without a quantizer", async () => {
    const outputs = await encode({ ...tiny({ classToken: false }), quantizer: null }, noise(imageSize));
    expect(Object.keys(outputs)).toEqual(["features"]);
    expect(outputs.features!.shape).toEqual([1, 9, 16]);
  });

  it("leaves out blocks that no output needs", async () => {
    const checkpoint = tiny();
    const shallow = { ...checkpoint, quantizer: null, features: { layer: 1, postNorm: false } };
    const cut = {
      ...shallow,
      encoder: { ...checkpoint.encoder, blocks: checkpoint.encoder.blocks.slice(0, 1) },
    };
    expect(buildEncoderGraph(shallow).bytes).toEqual(buildEncoderGraph(cut).bytes);
    expect(buildEncoderGraph(checkpoint).bytes.length).toBeGreaterThan(buildEncoderGraph(cut).bytes.length);
  });
});

describe("the quantizer and codebook graphs", () => {
  const tokens = 200;
  const idsOf = (checkpoint: TinyCheckpoint) =>
    quantize(quantizerOf(checkpoint), { data: noise(tokens * 32), shape: [tokens, 32] });

  it("gives equally near codes their lowest id", async () => {
    const plain = await idsOf(tiny());
    expect(plain).toHaveLength(tokens);
    const used = plain[0]!;
    const other = used === 31 ? 30 : 31;
    const [low, high] = [Math.min(used, other), Math.max(used, other)];
    const tied = await idsOf(tiny({ copies: new Map([[other, used]]) }));
    expect(tied[0]).toBe(low);
    expect([...tied]).not.toContain(high);
  });

  it("reads the same ids and vectors from F16 and BF16 files", async () => {
    const [full, half, brain] = [tiny(), tiny({ dtype: "F16" }), tiny({ dtype: "BF16" })];
    const ids = await idsOf(full);
    expect(await idsOf(half)).toEqual(ids);
    expect(await idsOf(brain)).toEqual(ids);
    const feeds = { ids: { data: int64(ids), shape: [tokens] } };
    const vectors = await run(buildCodebookGraph(full.quantizer), feeds);
    expect(vectors.vectors!.shape).toEqual([tokens, 8]);
    expect(await run(buildCodebookGraph(half.quantizer), feeds)).toEqual(vectors);
    expect(await run(buildCodebookGraph(brain.quantizer), feeds)).toEqual(vectors);
  });
});

describe("the decoder graph", () => {
  const grids = Array.from({ length: 8 * 9 }, (_, i) => (i * 7 + (i >> 3)) % 32);
  const decode = async (checkpoint: TinyCheckpoint, ids: number[]) =>
    (
      await run(buildDecoderGraph(checkpoint.quantizer, checkpoint.decoder), {
        ids: { data: int64(ids), shape: [ids.length / 9, 9] },
      })
    ).pixels!;

  it("gives each grid the same pixels in any batch", async () => {
    const checkpoint = tiny();
    const all = await decode(checkpoint, grids);
    expect(all.shape).toEqual([8, 6, 6, 3]);
    expect(all.data).toBeInstanceOf(Uint8Array);
    expect(new Set(all.data).size).toBeGreaterThan(50);
    const one = await Promise.all([0, 1, 2, 3].map((i) => decode(checkpoint, grids.slice(i * 9, i * 9 + 9))));
    expect(one.flatMap(({ data }) => [...data])).toEqual([...all.data.slice(0, 4 * 108)]);
  });

  it("rejects an id beyond the codebook instead of reading past it", async () => {
    await expect(decode(tiny(), [...grids.slice(0, 8), 32])).rejects.toThrow(/out of data bounds/);
  });
});
