import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { VQRAE } from "../../../sdk/index.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { readNpz } from "./read-npz.ts";
import { inFolder, photo, runCli } from "./run-cli.ts";

/** The command line with an encoder that gives each image a grid of its own. */

const path = (relative: string) => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));
const model = path("test/golden/checkpoint/siglip2-naflex");
const images = [photo, path("examples/images/astronaut.jpg"), path("examples/images/cat.jpg")];

async function encoded() {
  await using tokenizer = await VQRAE.load(model);
  return await tokenizer.encode(images);
}

test("JSON: the grid of each image", async () => {
  const { code, stdout } = await runCli("encode", ...images, "--model", model);
  const expected = await encoded();
  expect(new Set(expected.map(({ grid }) => `${grid.rows} x ${grid.columns}`)).size).toBeGreaterThan(1);
  const tokens = JSON.parse(stdout);
  expect([code, tokens.grid]).toEqual([0, null]);
  for (const [i, { grid, features }] of expected.entries()) {
    expect(tokens.images[i].grid).toEqual(grid);
    expect(Float32Array.from(tokens.images[i].features.flat())).toEqual(features);
  }
});

test("arrays: the tokens of all images, and their grids", () =>
  inFolder(async (folder) => {
    const expected = await encoded();
    const count = expected.reduce((sum, { grid }) => sum + grid.rows * grid.columns, 0);
    const npz = join(folder, "tokens.npz");
    const { stdout } = await runCli("encode", ...images, "--model", model, "--out", npz);
    expect(stdout).toBe(`${npz}: ${count} x 16 features for 3 images together\n`);
    const { grid, features } = readNpz(await readFile(npz));
    expect(grid).toMatchObject({
      shape: [3, 2],
      data: Int32Array.from(expected.flatMap((image) => [image.grid.rows, image.grid.columns])),
    });
    const all = Float32Array.from(expected.flatMap((image) => [...image.features!]));
    expect(features).toMatchObject({ shape: [count, 16], data: all });

    const out = join(folder, "tokens.safetensors");
    const summary = JSON.parse((await runCli("encode", ...images, "--model", model, "--out", out, "--json")).stdout);
    expect(summary).toMatchObject({ images: 3, grid: null, ids: null, features: { dim: 16 } });
    expect((await openSafetensors(out)).tensors.get("features")!.shape).toEqual([count, 16]);
  }));

test("inspect says how many tokens there can be", async () => {
  const { stdout } = await runCli("inspect", model);
  expect(stdout).toContain("image     its own aspect ratio, bilinear");
  expect(stdout).toContain("patches of 4 pixels, at most 20 tokens\n");
  const { checkpoint } = JSON.parse((await runCli("inspect", model, "--json")).stdout);
  expect(checkpoint.image).toMatchObject({ geometry: "native", maxPatches: 20 });
  expect(checkpoint.encoder).toMatchObject({ grid: null, imageSize: null, maxTokens: 20 });
});
