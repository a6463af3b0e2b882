import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FeatureNetwork, openClassifier, openFeatureNetwork } from "../../../sdk/evaluation/index.ts";
import { VQRAE } from "../../../sdk/index.ts";
import { perceptualDistance } from "../../../sdk/metrics/index.ts";
import { inFolder, tinyEncoder, tinyModel } from "../../standalone/cli/run-cli.ts";
import { largestDifference } from "../expected.ts";
import { pattern } from "../image/fixtures.ts";
import stored from "./expected.json" with { type: "json" };

/** float32 convolutions of another library. */
const TOLERANCE = 1e-5;

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const images = [pattern("mixed", 40, 31), pattern("edges", 33, 20)];

describe("an ONNX network", () => {
  let network: FeatureNetwork;
  beforeAll(async () => {
    network = await openFeatureNetwork(file("tiny.onnx"));
  });
  afterAll(() => network[Symbol.asyncDispose]());

  test("is named by its description", () => {
    expect([network.name, network.feature, network.taps]).toEqual(["tiny-random", "features", ["first", "tokens"]]);
  });

  test("features and perceptual distance equal torch's", async () => {
    const [a, b] = [await network.run(images[0]!), await network.run(images[1]!)];
    expect(largestDifference(a.features, stored.features[0]!)).toBeLessThan(TOLERANCE);
    expect(largestDifference(b.features, stored.features[1]!)).toBeLessThan(TOLERANCE);
    expect(Math.abs(perceptualDistance(a.taps, b.taps) - stored.perceptual)).toBeLessThan(TOLERANCE);
  });

  test("a tap alone", async () => {
    const one = await openFeatureNetwork(file("tiny.onnx"), { taps: ["tokens"] });
    const { taps } = await one.run(images[0]!);
    await one[Symbol.asyncDispose]();
    expect(taps.map(({ channels, data }) => [data.length / channels, channels])).toEqual([[36, 8]]);
  });

  test("an abort ends a run", async () => {
    const reason = new Error("enough");
    await expect(network.run(images[0]!, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("an encoder", () => {
  test("gives its class token and the blocks that are asked for", async () => {
    const network = await openFeatureNetwork(tinyModel, { taps: ["1", "2"] });
    const { features, taps } = await network.run(images[0]!);
    await network[Symbol.asyncDispose]();
    const tokenizer = await VQRAE.load(tinyModel, { device: "cpu", features: { layer: 1, postNorm: false } });
    const first = await tokenizer.encode(images[0]!);
    await tokenizer.dispose();
    expect([network.name, network.feature, network.taps]).toEqual([
      "vqrae-two-layers",
      "class token",
      ["block 1", "block 2"],
    ]);
    expect(features).toHaveLength(32);
    expect(taps[0]).toEqual({ data: first.features, channels: 32 });
    expect(taps[1]!.data).not.toEqual(taps[0]!.data);
  });

  test("without a class token, the mean of its patches", async () => {
    const network = await openFeatureNetwork(tinyEncoder);
    expect([network.feature, (await network.run(images[0]!)).features.length]).toEqual(["mean patch", 16]);
    await network[Symbol.asyncDispose]();
  });
});

describe("a classifier", () => {
  const labels = Array.from({ length: stored.features[0]!.length }, (_, i) => `class ${i}`);

  /** tiny.onnx with `change` in its description. */
  const opened = (change: object, use: (source: string) => Promise<void>) =>
    inFolder(async (folder) => {
      const description = JSON.parse(await readFile(file("tiny.json"), "utf8"));
      await cp(file("tiny.onnx"), join(folder, "n.onnx"));
      await writeFile(join(folder, "n.json"), JSON.stringify({ ...description, ...change }));
      await use(join(folder, "n.onnx"));
    });

  test("its first class is the largest of torch's features, and it keeps the images' order", () =>
    opened({ labels }, async (source) => {
      await using classifier = await openClassifier(source);
      const [first, second] = await classifier.classify(images, { count: 1 });
      const best = stored.features.map((row) => labels[row.indexOf(Math.max(...row))]);
      expect([first![0]!.label, second![0]!.label]).toEqual(best);
      const all = await classifier.classify(images[0]!, { count: 100 });
      expect(all.map(({ label }) => label).sort()).toEqual(labels);
      expect(all.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    }));

  test("a folder is a ViT with its head", async () => {
    await using classifier = await openClassifier("deit-tiny");
    expect(classifier.labels).toHaveLength(1000);
  });

  test("says which image cannot be read", () =>
    opened({ labels }, async (source) => {
      await using classifier = await openClassifier(source);
      await expect(classifier.classify([images[0]!, "nowhere.png"])).rejects.toMatchObject({ index: 1 });
    }));

  test.each([
    [{}, /labels in its description for the classifier tiny-random but received none\. Name there each class/],
    [{ labels: [] }, /a list of names for labels in .*n\.json/],
    [{ labels: ["a", ""] }, /a name for labels\[1\] in .*n\.json/],
  ])("%j is refused", (change, message) =>
    opened(change, async (source) => {
      await expect(openClassifier(source)).rejects.toThrow(message);
    }),
  );

  test("refuses fewer labels than logits", () =>
    opened({ labels: labels.slice(1) }, async (source) => {
      await using classifier = await openClassifier(source);
      await expect(classifier.classify(images[0]!)).rejects.toThrow(/7 numbers, one a label, for output "features"/);
    }));
});

describe("bad input", () => {
  test.each([
    ["nowhere.onnx", {}, /readable file for .*nowhere\.json/],
    ["nowhere", {}, /an \.onnx file or a checkpoint folder for the feature network/],
    ["tiny.onnx", { taps: ["third"] }, /one of first, tokens for a tap of tiny-random but received "third"/],
    ["../../golden/graph/vqrae-two-layers", { taps: ["first"] }, /the number of a block/],
    ["../../golden/graph/vqrae-two-layers", { taps: ["9"] }, /layer/],
  ])("%s, %j", async (name, options, message) => {
    await expect(openFeatureNetwork(file(name), options)).rejects.toThrow(message);
  });

  test("files that are not what they should be", () =>
    inFolder(async (folder) => {
      const [onnx, json] = [join(folder, "n.onnx"), join(folder, "n.json")];
      const described = async (change: object) => {
        const description = { name: "n", input: { size: 24, mean: [0, 0, 0], std: [1, 1, 1] }, features: "features" };
        await writeFile(json, JSON.stringify({ ...description, ...change }));
      };
      const opens = async () => (await openFeatureNetwork(onnx)).run(images[0]!);
      await writeFile(onnx, "no network");
      await described({});
      await expect(opens()).rejects.toThrow(/a readable ONNX network for .*n\.onnx/);
      await cp(file("tiny.onnx"), onnx);
      await described({ features: "pool3" });
      await expect(opens()).rejects.toThrow(/an output "pool3" .* features, first, tokens/);
      await described({ features: "first" });
      await expect(opens()).rejects.toThrow(/\[1, dim\] or \[1, dim, 1, 1\] numbers for the features of n/);
      await described({ taps: ["features"], input: { size: 25, mean: [0, 0, 0], std: [1, 1, 1] } });
      await expect(opens()).rejects.toThrow(/a finished run|numbers for/);
      await described({ input: { size: 24, mean: [0, 0, 0], std: [1, 0, 1] } });
      await expect(opens()).rejects.toThrow(/three numbers > 0 .* for input\.std\[1\] in .*n\.json but received 0/);
      await described({ extra: 1 });
      await expect(opens()).rejects.toThrow(/no such field .* for extra/);
    }));
});
