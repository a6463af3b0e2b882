import { cp, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { damagedCheckpoint, setFirst } from "../bad-input/damaged-checkpoint.ts";
import { inFolder, runCli, tinyEncoder, tinyModel } from "./run-cli.ts";

const weights = join(tinyModel, "model.safetensors");

test("a checkpoint folder: settings, totals and tensors", async () => {
  const { code, stdout, stderr } = await runCli("inspect", tinyModel);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain(
    "encoder   2 blocks, width 32, MLP 64, 2 heads, gelu, patches of 8 pixels, 4 x 4 tokens, a class token\n",
  );
  expect(stdout).toContain("codebook  64 codes of width 16, of blocks 1 + 2, each normed\n");
  expect(stdout).toContain("patches of 4 pixels, 16 x 16 pixels\n");
  expect(stdout).toMatch(/^quantizer\.codebook\.weight +F32 +\[64, 16\] +4,096$/m);
});

test("--json counts what the table lists", async () => {
  const { checkpoint, weights, path } = JSON.parse((await runCli("inspect", tinyModel, "--json")).stdout);
  expect(path).toBe(tinyModel);
  expect(checkpoint.modelId).toBe("vqrae-two-layers");
  expect(checkpoint.codebook).toEqual({ size: 64, dim: 16, layers: [1, 2], normalize: true });
  expect(checkpoint.decoder).toMatchObject({ blocks: 2, hiddenSize: 24, outputSize: 16 });
  const bytes = weights.tensors.reduce((sum: number, tensor: { bytes: number }) => sum + tensor.bytes, 0);
  expect(weights.bytes).toBe(bytes);
  expect(weights.parameters).toBe(bytes / 4);
  expect(weights.dtypes).toEqual({ F32: { tensors: weights.tensors.length, parameters: bytes / 4, bytes } });
});

test("an encoder alone says what it lacks", async () => {
  const { stdout } = await runCli("inspect", tinyEncoder);
  expect(stdout).toContain("codebook  none: gives features only");
  expect(stdout).toContain("decoder   none");
});

test("a safetensors file by itself", async () => {
  const { checkpoint, weights: found } = JSON.parse((await runCli("inspect", weights, "--json")).stdout);
  expect(checkpoint).toBeNull();
  expect(found.bytes).toBeLessThan((await stat(weights)).size);
  expect((await runCli("inspect", weights)).stdout).toContain(`${found.tensors.length} tensors (`);
});

test("--weights finds what is not finite, in a folder and in a file", async () => {
  const folder = await damagedCheckpoint(setFirst("decoder.head.weight", Number.NaN));
  const found = [{ name: "decoder.head.weight", nan: 1, infinite: 0, elements: 1152 }];
  for (const path of [folder, join(folder, "model.safetensors")]) {
    const { code, stdout } = await runCli("inspect", path, "--weights", "--json");
    expect([code, JSON.parse(stdout).nonFinite]).toEqual([0, found]);
  }
  expect((await runCli("inspect", folder, "--weights")).stdout).toContain(
    "  NOT FINITE\n    decoder.head.weight (1 NaN of 1152)\n",
  );
  expect((await runCli("inspect", tinyModel, "--weights")).stdout).toContain("  all weights are finite\n");
  expect((await runCli("inspect", tinyModel)).stdout).not.toContain("finite");
});

test.each([
  [
    { image_processor_type: "GotOcr2ImageProcessor", crop_to_patches: true },
    "14 x 14 pixels, stretch; views: InternVL's tiles",
  ],
  [
    { image_processor_type: "LlavaNextImageProcessor", crop_size: 14, image_grid_pinpoints: [[14, 28]] },
    "14 x 14 pixels, stretch; views: LLaVA's anyres tiles",
  ],
  [{ image_processor_type: "LlavaImageProcessor", crop_size: 14, do_pad: true }, "14 x 14 pixels, padded to a square"],
])("preprocessing by %j", (processor, line) =>
  inFolder(async (folder) => {
    await cp(tinyEncoder, folder, { recursive: true });
    const size = { height: 14, width: 14 };
    await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify({ ...processor, size }));
    expect((await runCli("inspect", folder)).stdout).toContain(`  image     ${line}, bicubic\n`);
  }),
);
