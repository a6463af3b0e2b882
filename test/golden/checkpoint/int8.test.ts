import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { VQRAE } from "../../../sdk/index.ts";
import { requireFeatureDim } from "../../../sdk/kit.ts";
import { buildEncoderGraph } from "../../../sdk/nn/vit/encoder.ts";
import type { VitSpec } from "../../../sdk/nn/vit/vit-spec.ts";
import { foldGroup } from "../../../sdk/weights/int8/fold.ts";
import { readGroup } from "../../../sdk/weights/int8/int8-file.ts";
import { planInt8 } from "../../../sdk/weights/int8/int8-plan.ts";
import { int8Tree } from "../../../sdk/weights/int8/int8-tree.ts";
import { readTensor } from "../../../sdk/weights/read-tensor.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import type { AnyLinearRef, LinearGroup, LinearRef, TensorRef } from "../../../sdk/weights/tensor-ref.ts";
import { int64, run } from "../../standalone/graph/session.ts";
import { picture } from "../../standalone/runtime/fixtures/tiny.ts";
import { cosine } from "../cosine.ts";
import { largestDifference } from "../expected.ts";

/** Every encoder family in 8 bits, on the checkpoints that transformers saved. */
const families = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const at = (name: string) => join(import.meta.dirname, name);

let cacheDir: string;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "vqrae-int8-"));
});
afterAll(() => rm(cacheDir, { recursive: true }));

/** The encoder with everything folded as for 8 bits, but nothing rounded. */
async function foldedEncoder(encoder: VitSpec, file: string): Promise<VitSpec> {
  const { copies, groups } = planInt8(encoder);
  const tensors: TensorToWrite[] = [];
  const add = (name: string, shape: readonly number[], data: Float32Array) =>
    tensors.push({ name, dtype: "F32", shape, data });
  for (const [name, ref] of copies) add(name, ref.shape, await readTensor(ref));
  for (const placed of groups) {
    const { gamma, linears } = foldGroup(await readGroup(placed));
    const { prefix, group } = placed;
    if (gamma) add(`${prefix}norm.weight`, [gamma.length], gamma);
    if (gamma && group.norm?.bias) add(`${prefix}norm.bias`, [gamma.length], new Float32Array(gamma.length));
    for (const { name, weight, outputs, bias } of linears) {
      add(`${prefix}${name}.weight`, [outputs, weight.length / outputs], weight);
      if (bias) add(`${prefix}${name}.bias`, [outputs], bias);
    }
  }
  await writeSafetensors(file, tensors);
  const stored = (await openSafetensors(file)).tensors;
  const find = (name: string) => ({ ...stored.get(name)!, dtype: "F32" }) as TensorRef;
  const folded = int8Tree(encoder, (layout) => ({ ...find(layout.name), ...layout }));
  const unrounded = (linear: AnyLinearRef): LinearRef =>
    "columns" in linear
      ? { weight: find(linear.columns.name.replace(/columns$/, "weight")), bias: linear.bias }
      : linear;
  const floats = <N extends string>(group: LinearGroup<N, AnyLinearRef>): LinearGroup<N> => ({
    ...group,
    linears: Object.fromEntries(
      Object.entries<AnyLinearRef>(group.linears).map(([name, linear]) => [name, unrounded(linear)]),
    ) as Record<N, LinearRef>,
  });
  return {
    ...folded,
    blocks: folded.blocks.map((block) => ({
      ...block,
      attention: floats(block.attention),
      attentionOut: floats(block.attentionOut),
      mlp: floats(block.mlp),
      mlpOut: floats(block.mlpOut),
    })),
  };
}

describe.each(families)("%s", (name) => {
  test("folding changes nothing but rounding", async () => {
    const { tower } = await readModel(at(name));
    const { spec, features } = tower!;
    const patchDim = 3 * spec.patchSize ** 2;
    const side = spec.grid ?? 3;
    const patches = Float32Array.from({ length: side ** 2 * patchDim }, (_, i) => Math.sin(i * 0.7) * 2);
    const ownGrid = spec.grid === null && { grid: { data: int64([side, side]), shape: [2] } };
    const feeds = { patches: { data: patches, shape: [side ** 2, patchDim] }, ...ownGrid };
    const plain = await run(buildEncoderGraph({ encoder: spec, features, quantizer: null }), feeds);
    const encoder = await foldedEncoder(spec, join(cacheDir, `${name}.folded.safetensors`));
    const folded = await run(buildEncoderGraph({ encoder, features, quantizer: null }), feeds);
    for (const output of Object.keys(plain)) {
      expect(largestDifference(folded[output]!.data, plain[output]!.data)).toBeLessThan(1e-5);
    }
  });

  test("its features in 8 bits point where those in fp32 do", async () => {
    await using plain = await VQRAE.load(at(name), { threads: 1 });
    await using int8 = await VQRAE.load(at(name), { threads: 1, precision: "int8", cacheDir });
    expect(int8.info).toEqual({ ...plain.info, precision: "int8", deviceReason: "int8 is for the CPU" });
    const image = picture(20, 12);
    const [a, b] = await Promise.all([plain.encode(image), int8.encode(image)]);
    const d = requireFeatureDim(plain.info);
    expect(b.grid).toEqual(a.grid);
    for (let start = 0; start < a.features!.length; start += d) {
      const end = start + d;
      const of = cosine(a.features!.subarray(start, end), b.features!.subarray(start, end));
      expect(of).toBeGreaterThan(0.999);
      expect(of).not.toBe(1); // it did run in 8 bits
    }
    if (a.classToken) expect(cosine(a.classToken, b.classToken!)).toBeGreaterThan(0.999);
  });
});
