import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clustersPage } from "../../../adapters/benchmarks/index.ts";
import {
  analyzeClusters,
  contactSheets,
  listImages,
  pairClusters,
  poolFeatures,
} from "../../../sdk/evaluation/index.ts";
import { encodePng, type RgbImage, readImage, VQRAE } from "../../../sdk/index.ts";
import { nearestNeighbourAccuracy } from "../../../sdk/metrics/index.ts";
import { uniform } from "../../helpers/random.ts";
import { inFolder, photo, runCli, tinyEncoder, tinyModel } from "../cli/run-cli.ts";

const SIDE = 32;
let tokenizer: VQRAE;
beforeAll(async () => {
  tokenizer = await VQRAE.load(tinyModel, { device: "cpu" });
}, 60_000);
afterAll(() => tokenizer.dispose());

/** Images that even random weights tell apart: dark and bright ones, with noise. */
function noisy(base: number, seed: number): RgbImage {
  const random = uniform(seed);
  return {
    data: Uint8Array.from({ length: SIDE * SIDE * 3 }, () => base + Math.floor(random() * 30)),
    width: SIDE,
    height: SIDE,
  };
}

async function inTwoClasses(use: (folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    for (const [label, base] of Object.entries({ bright: 220, dark: 10 })) {
      await mkdir(join(folder, label));
      for (let i = 0; i < 6; i++) {
        await writeFile(join(folder, label, `${i}.png`), await encodePng(noisy(base, i)));
      }
    }
    await use(folder);
  });
}

test("two clusters are the two classes, for features and for ids", () =>
  inTwoClasses(async (folder) => {
    const analysis = await analyzeClusters(tokenizer, await listImages(folder), { clusters: 2 });
    const { continuous, quantised, agreement, probes } = analysis;
    expect(continuous.agreement).toEqual({ purity: 1, nmi: 1 });
    expect(quantised.agreement).toEqual({ purity: 1, nmi: 1 });
    expect(agreement).toBe(1);
    expect(continuous.clusters.map(({ size, label }) => [size, label?.count])).toEqual([
      [6, 6],
      [6, 6],
    ]);
    for (const { continuous: left, quantised: right } of pairClusters(analysis)) {
      expect([...left.images].sort()).toEqual([...right.images].sort());
      expect(left.label).toEqual(right.label);
    }
    expect([probes!.train, probes!.test, probes!.splitBy]).toEqual([6, 6, "every second image"]);
    expect(probes!.scores.map(({ kind, feature, dim }) => [kind, feature, dim])).toEqual([
      ["continuous", "class token", 32],
      ["continuous", "mean patch", 32],
      ["quantised", "mean codebook vector", 16],
    ]);
    for (const { nearestNeighbour, linear } of probes!.scores) expect([nearestNeighbour, linear]).toEqual([1, 1]);
  }));

test("with a folder to learn from, probes are the metrics on pooled features", () =>
  inTwoClasses(async (folder) => {
    const files = await listImages(folder);
    const [train, test] = [files.filter((_, i) => i % 3 > 0), files.filter((_, i) => i % 3 === 0)];
    const { probes } = await analyzeClusters(tokenizer, test, { clusters: 2, train });
    const labels = (of: typeof files) => of.map(({ label }) => (label === "dark" ? 1 : 0));
    const [gallery, queries] = [await poolFeatures(tokenizer, train), await poolFeatures(tokenizer, test)];
    const byHand = nearestNeighbourAccuracy(
      { ...queries.meanCode!, labels: labels(test) },
      { ...gallery.meanCode!, labels: labels(train) },
    );
    expect([probes!.train, probes!.test, probes!.splitBy]).toEqual([8, 4, "folder"]);
    expect(probes!.scores.at(-1)!.nearestNeighbour).toBe(byHand);
  }));

test("pooled features are means over tokens", async () => {
  const file = { path: photo, label: "photo" };
  const { meanPatch, classToken, meanCode, usage } = await poolFeatures(tokenizer, [file]);
  const tokens = await tokenizer.encode(photo);
  const codes = await tokenizer.codebookVectors(tokens.ids!);
  const mean = (data: Float32Array, dim: number, column: number) =>
    data.filter((_, i) => i % dim === column).reduce((a, b) => a + b) / 16;
  for (const column of [0, 7]) {
    expect(meanPatch.features[column]).toBeCloseTo(mean(tokens.features!, 32, column), 5);
    expect(meanCode!.features[column]).toBeCloseTo(mean(codes, 16, column), 5);
  }
  expect(classToken!.features).toEqual(tokens.classToken);
  expect(usage!.total).toBe(16);
});

test("pictures and page show every cluster; what cannot be read is named", () =>
  inTwoClasses(async (folder) => {
    await writeFile(join(folder, "dark", "<b>.png"), "nothing");
    const analysis = await analyzeClusters(tokenizer, await listImages(folder), { clusters: 3 });
    expect(analysis.failed).toHaveLength(1);
    const sheets = await contactSheets(analysis, { images: 4, size: 16 });
    expect([sheets.width, sheets.height]).toEqual([9 * 18 - 2, 3 * 18 - 2]);
    const page = await clustersPage(analysis, { images: 4, size: 16 });
    expect(page.match(/<img src="data:image\/png;base64,/g)).toHaveLength(6);
    expect(page).toContain("the cost of quantisation");
    expect(page).toContain("&lt;b&gt;.png");
    expect(page).not.toMatch(/<b>|<script|https?:/);
    expect(page).toContain("prefers-color-scheme: dark");
  }));

test("a folder without classes has clusters and no probes", () =>
  inFolder(async (folder) => {
    await cp(photo, join(folder, "a.jpg"));
    await cp(photo, join(folder, "b.jpg"));
    const { classes, probes, continuous } = await analyzeClusters(tokenizer, await listImages(folder), { clusters: 1 });
    expect([classes, probes, continuous.agreement, continuous.clusters[0]!.label]).toEqual([0, null, null, null]);
  }));

describe("vqrae analyze clusters", () => {
  test("prints, writes the picture and the page, and the same as JSON", () =>
    inTwoClasses(async (folder) => {
      const [picture, page] = [join(folder, "out.png"), join(folder, "out.html")];
      const args = ["analyze", "clusters", folder, "--model", tinyModel, "--clusters", "2"];
      const { code, stdout, stderr } = await runCli(...args, "--picture", picture, "--page", page);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain("vqrae-two-layers on 12 images, 2 classes");
      expect(stdout).toContain("purity 1.000   NMI 1.000");
      expect((await readImage(picture)).height).toBe(130);
      expect(await readFile(page, "utf8")).toMatch(/^<!doctype html>/);
    }));

  test.each([
    [["--clusters", "two"], 'a whole number of at least 1 for --clusters but received "two"'],
    [
      ["--clusters", "99", "--model", tinyModel],
      'a whole number from 1 to 1, the images, for option "clusters" of analyzeClusters but received 99',
    ],
    [["--seed", "-1"], "--seed"],
    [["--clusters", "1", "--model", tinyEncoder], "a checkpoint with a codebook for analyzeClusters"],
    [["--page", "out.txt"], "a name ending in .html"],
    [["--train", "nowhere"], "a readable folder"],
  ])("%j is refused", (args, message) =>
    inFolder(async (folder) => {
      await cp(photo, join(folder, "a.jpg"));
      const { code, stdout, stderr } = await runCli("analyze", "clusters", folder, ...args);
      expect(stderr).toContain(message);
      expect([code, stdout]).toEqual([1, ""]);
    }),
  );
});
