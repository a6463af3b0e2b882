import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readImage, VQRAE } from "../../sdk/index.ts";
import { psnr } from "../../sdk/metrics/index.ts";
import { largestDifference, readExpected } from "../golden/expected.ts";
import { inFolder, runCli } from "../standalone/cli/run-cli.ts";
import { wrongIds } from "./ties.ts";

/** The model in models/ on the example photos, against PyTorch and Pillow (test/golden/model/make.py). */

const featureTolerance = 1e-4;
/** Of 255 levels: a value that rounds up in one implementation may round down in the other. */
const pixelTolerance = 1;
/** Of the squared distance to the nearest code: where the second nearest is closer than this, float32 may take either. */
const tie = 1e-4;
/** What a reconstruction of the example cat must reach. */
const catPsnr = 17;

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const photo = (name: string) => path(`examples/images/${name}.jpg`);

const expected = readExpected(path("test/golden/model/expected.safetensors"));
const namesWith = (output: string) =>
  Object.keys(expected).flatMap((key) => (key.endsWith(`.${output}`) ? [key.slice(0, -output.length - 1)] : []));
const photos = namesWith("ids");

let tokenizer: VQRAE;
beforeAll(async () => {
  tokenizer = await VQRAE.load("default", { device: "cpu" });
});
afterAll(() => tokenizer.dispose());

test("the fixture has every photo's ids, and one photo's features", () => {
  expect(photos.toSorted()).toEqual(["astronaut", "cat", "coffee", "rocket"]);
  expect(namesWith("features")).toEqual(["astronaut"]);
});

test("VQRAE.load finds it by the name default", () => {
  expect(tokenizer.info).toEqual({
    modelId: "vqrae-tiny",
    inputSize: { width: 224, height: 224 },
    outputSize: { width: 112, height: 112 },
    maxTokens: 196,
    grid: { rows: 14, columns: 14 },
    featureDim: 192,
    projector: null,
    codebook: { size: 8192, dim: 256, codesPerToken: 1 },
    decodes: "ids",
    licence: "apache-2.0",
    device: "cpu",
    deviceReason: "asked for",
    precision: "fp32",
  });
});

describe("against PyTorch", () => {
  test.each(namesWith("features"))("the features and class token of %s", async (name) => {
    const { features, classToken } = await tokenizer.encode(photo(name));
    expect(largestDifference(features!, expected[`${name}.features`]!.data)).toBeLessThan(featureTolerance);
    expect(largestDifference(classToken!, expected[`${name}.class_token`]!.data)).toBeLessThan(featureTolerance);
  });

  test.each(photos)("the ids of %s", async (name) => {
    const { ids } = await tokenizer.encode(photo(name));
    const [wanted, others, gaps] = ["ids", "others", "gaps"].map((output) => expected[`${name}.${output}`]!.data);
    expect(wrongIds(ids!, { ids: wanted!, others: others!, gaps: gaps! }, tie)).toEqual([]);
  });

  test.each(photos)("the pixels of %s, from the same ids", async (name) => {
    const { data, shape } = expected[`${name}.pixels`]!;
    const image = await tokenizer.decode(expected[`${name}.ids`]!.data as Int32Array);
    expect([image.height, image.width, 3]).toEqual(shape);
    expect(largestDifference(image.data, data)).toBeLessThanOrEqual(pixelTolerance);
    // Cutting off instead of rounding stays within one level, but moves about every second value.
    const moved = data.filter((value, i) => value !== image.data[i]).length;
    expect(moved / data.length).toBeLessThan(0.01);
  });
});

test("ids do not depend on batches, workers and threads", async () => {
  const images = [...photos, ...photos].map(photo);
  const ids = (await tokenizer.encode(images, { features: false })).map((image) => image.ids);
  for (const options of [
    { workers: 2, threads: 1, batchSize: 1 },
    { threads: 2, batchSize: 3 },
  ]) {
    await using other = await VQRAE.load("default", options);
    expect((await other.encode(images, { features: false })).map((image) => image.ids)).toEqual(ids);
  }
});

describe("one tokenizer", () => {
  test("gives features and ids in one pass, the same as each alone", async () => {
    const both = await tokenizer.encode(photo("cat"));
    expect(await tokenizer.encode(photo("cat"), { features: false })).toEqual({ grid: both.grid, ids: both.ids });
    const { ids, ...continuous } = both;
    expect(ids).toHaveLength(196);
    expect(await tokenizer.encode(photo("cat"), { ids: false })).toEqual(continuous);
  });

  test("gives a batch what it gives single images", async () => {
    const batch = await tokenizer.encode(photos.map(photo));
    for (const [i, name] of photos.entries()) expect(batch[i]).toEqual(await tokenizer.encode(photo(name)));
  });

  test("decodes ids to the same pixels every time, alone or in a batch, with any number of threads", async () => {
    const grids = photos.map((name) => expected[`${name}.ids`]!.data as Int32Array);
    const first = await tokenizer.decode(grids);
    expect(await tokenizer.decode(grids)).toEqual(first);
    await using other = await VQRAE.load("default", { threads: 1 });
    for (const [i, ids] of grids.entries()) expect(await other.decode([...ids])).toEqual(first[i]);
  });

  test("keeps the event loop ticking while it encodes", async () => {
    const images = Array.from({ length: 16 }, (_, i) => photo(photos[i % photos.length]!));
    let [longest, last] = [0, performance.now()];
    const start = last;
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 1);
    await tokenizer.encode(images);
    clearInterval(timer);
    // Two batches: run on this thread, each would stop the timer for nearly half of the time. Relative, because a busy
    // machine delays timers by itself; bench/main-thread-gap.ts measures the gap in milliseconds.
    expect(longest).toBeLessThan((performance.now() - start) / 8);
  });
});

test("vqrae reconstruct writes a recognisable cat", () =>
  inFolder(async (folder) => {
    const out = join(folder, "cat.png");
    const { code, stdout, stderr } = await runCli("reconstruct", photo("cat"), out, "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ model: "vqrae-tiny", output: out, width: 112, height: 112, ids: 196 });
    expect(report.psnr).toBeGreaterThan(catPsnr);

    const written = await readImage(out);
    expect(written).toEqual(await tokenizer.decode((await tokenizer.encode(photo("cat"))).ids!));
    expect(psnr(await tokenizer.reconstructionTarget(photo("cat")), written)).toBe(report.psnr);
  }));
