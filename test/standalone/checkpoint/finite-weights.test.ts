import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VQRAE } from "../../../sdk/index.ts";
import { nonFiniteTensors } from "../../../sdk/weights/finite-weights.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import type { TensorRef } from "../../../sdk/weights/tensor-ref.ts";
import { damagedCheckpoint, setFirst } from "../bad-input/damaged-checkpoint.ts";
import { failure, temporaryFolder } from "./temporary.ts";

async function written(...tensors: TensorToWrite[]): Promise<TensorRef[]> {
  const path = join(await temporaryFolder(), "x.safetensors");
  await writeSafetensors(path, tensors);
  return [...(await openSafetensors(path)).tensors.values()] as TensorRef[];
}

test("counts NaN and infinity by their bits, in every dtype, and nothing else", async () => {
  const f32 = Float32Array.of(0, -0, 1e-45, 3.4e38, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  // Zero, the largest, infinity twice, NaN quiet, signalling and negative.
  const f16 = Uint16Array.of(0x8000, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xffff);
  const bf16 = Uint16Array.of(0x8000, 0x7f7f, 0x7f80, 0xff80, 0x7fc0, 0x7f81, 0xffff);
  const refs = await written(
    { name: "f32", dtype: "F32", shape: [7], data: f32 },
    { name: "f16", dtype: "F16", shape: [7], data: f16 },
    { name: "bf16", dtype: "BF16", shape: [7], data: bf16 },
    { name: "sound", dtype: "F32", shape: [2], data: Float32Array.of(1, 2) },
    { name: "empty", dtype: "F32", shape: [0], data: new Float32Array(0) },
  );
  const found = await nonFiniteTensors(refs);
  expect(Object.fromEntries(found.map(({ name, ...counts }) => [name, counts]))).toEqual({
    f32: { nan: 1, infinite: 2, elements: 7 },
    f16: { nan: 3, infinite: 2, elements: 7 },
    bf16: { nan: 3, infinite: 2, elements: 7 },
  });
});

test("looks at every element of a tensor of many chunks, while the caller's own work goes on", async () => {
  const data = new Float32Array(1_500_000);
  data[0] = data[262_143] = data[262_144] = data.at(-1)! + Number.NaN;
  data[data.length - 1] = Number.NEGATIVE_INFINITY;
  const refs = await written({ name: "a", dtype: "F32", shape: [data.length], data });
  const seen: [number, number][] = [];
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const found = await nonFiniteTensors(refs, { report: (...step) => seen.push(step) });
  clearInterval(timer);
  expect(found).toEqual([{ name: "a", nan: 3, infinite: 1, elements: data.length }]);
  expect([seen[0], seen.at(-1)]).toEqual([
    [0, 6_000_000],
    [6_000_000, 6_000_000],
  ]);
  expect(turns).toBeGreaterThan(0);
});

test("obeys a signal between two chunks, and says where a file has become shorter", async () => {
  const refs = await written({ name: "a", dtype: "F32", shape: [1_000_000], data: new Float32Array(1_000_000) });
  const controller = new AbortController();
  const report = (loaded: number) => loaded > 0 && controller.abort("enough");
  await expect(nonFiniteTensors(refs, { signal: controller.signal, report })).rejects.toBe("enough");
  await truncate(refs[0]!.file, 2_000_000);
  expect(await failure(nonFiniteTensors(refs))).toMatchObject({ code: "INVALID_CHECKPOINT" });
});

test("VQRAE.load with checkWeights names the tensors and counts", async () => {
  const folder = await damagedCheckpoint((parts) => {
    setFirst("quantizer.codebook.weight", Number.NaN)(parts);
    setFirst("encoder.layernorm.bias", Number.POSITIVE_INFINITY)(parts);
  });
  const { code, message } = await failure(VQRAE.load(folder, { checkWeights: true }));
  expect(code).toBe("INVALID_CHECKPOINT");
  expect(message).toContain(`Expected tensors of finite numbers for ${folder} but received 2 with others: `);
  expect(message).toContain("quantizer.codebook.weight (1 NaN of 1024)");
  expect(message).toContain("encoder.layernorm.bias (1 infinite of 32)");
  await (await VQRAE.load(folder)).dispose();
  await (await VQRAE.load(await damagedCheckpoint(() => {}), { checkWeights: true })).dispose();
});
