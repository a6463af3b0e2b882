import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VQRAE } from "../../sdk/index.ts";
import { requireFeatureDim } from "../../sdk/kit.ts";
import { cosine } from "../golden/cosine.ts";
import { inFolder, runCli } from "../standalone/cli/run-cli.ts";

/** The shipped model in 8 bits on the example photos; bench/precision.ts prints what they measure. */

/** Mean over the tokens of a photo of the cosine to fp32. */
const meanCosine = 0.999;
/** Share of ids that are fp32's: a sane floor, not a promise. */
const sameIds = 0.9;

const photo = (name: string) => fileURLToPath(new URL(`../../examples/images/${name}.jpg`, import.meta.url));
const photos = ["astronaut", "cat", "coffee", "rocket"].map(photo);

let cacheDir: string;
let plain: VQRAE;
let int8: VQRAE;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "vqrae-e2e-int8-"));
  plain = await VQRAE.load("default");
  int8 = await VQRAE.load("default", { precision: "int8", cacheDir });
});
afterAll(async () => {
  await Promise.all([plain, int8].map((tokenizer) => tokenizer.dispose()));
  await rm(cacheDir, { recursive: true });
});

test("info says so, and why it is on the CPU, alone", () => {
  expect(int8.info).toEqual({ ...plain.info, precision: "int8", deviceReason: "int8 is for the CPU" });
});

test.each(photos)("%s: features, class token and ids are close to those in fp32", async (path) => {
  const [a, b] = await Promise.all([plain.encode(path), int8.encode(path)]);
  const d = requireFeatureDim(plain.info);
  const tokens = a.ids!.length;
  const at = (features: Float32Array, token: number) => features.subarray(token * d, (token + 1) * d);
  const cosines = Array.from({ length: tokens }, (_, t) => cosine(at(a.features!, t), at(b.features!, t)));
  expect(cosines.reduce((sum, c) => sum + c) / tokens).toBeGreaterThan(meanCosine);
  expect(cosine(a.classToken!, b.classToken!)).toBeGreaterThan(0.998);
  const same = a.ids!.filter((id, t) => id === b.ids![t]).length / tokens;
  expect(same).toBeGreaterThan(sameIds);
});

describe("results do not depend on", () => {
  const many = [...photos, ...photos.toReversed()];

  test("the batch: one of eight is what each image gives alone", async () => {
    await using one = await VQRAE.load("default", { precision: "int8", cacheDir, batchSize: 1 });
    await using eight = await VQRAE.load("default", { precision: "int8", cacheDir, batchSize: 8 });
    const alone = await one.encode(many);
    expect(await eight.encode(many)).toEqual(alone);
    expect(await int8.encode(many[2]!)).toEqual(alone[2]);
  });

  test("threads and workers", async () => {
    await using other = await VQRAE.load("default", { precision: "int8", cacheDir, threads: 1, workers: 2 });
    expect(await other.encode(many)).toEqual(await int8.encode(many));
  });
});

test("the decoder's graph is fp32's: the same ids give the same pixels", async () => {
  const { ids } = await plain.encode(photos[1]!);
  expect(await int8.decode(ids!)).toEqual(await plain.decode(ids!));
});

test("vqrae encode --precision int8 gives what the SDK gives, from the cache that it is told of", () =>
  inFolder(async (folder) => {
    const cache = join(folder, "cache");
    const run = await runCli("encode", photos[0]!, "--precision", "int8", "--cache-dir", cache);
    expect([run.code, run.stderr]).toEqual([0, `Bringing to 8 bits the weights of default, once: kept in ${cache}\n`]);
    const again = await runCli("encode", photos[0]!, "--precision", "int8", "--cache-dir", cache);
    expect([again.code, again.stderr, again.stdout]).toEqual([0, "", run.stdout]);
    expect((await readdir(cache)).filter((name) => name.endsWith(".safetensors"))).toHaveLength(1);
    const { ids } = await int8.encode(photos[0]!, { features: false });
    expect(JSON.stringify(JSON.parse(run.stdout))).toContain(JSON.stringify([...ids!]));
    const wrong = await runCli("encode", photos[0]!, "--precision", "int4");
    expect(wrong.stderr).toContain('Expected one of fp32, int8 for --precision but received "int4"');
  }));
