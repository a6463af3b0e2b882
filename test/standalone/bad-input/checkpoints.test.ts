import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { VQRAE } from "../../../sdk/index.ts";
import { runCli } from "../cli/run-cli.ts";
import { picture } from "../runtime/fixtures/tiny.ts";
import { damagedCheckpoint, type Parts, setFirst } from "./damaged-checkpoint.ts";

const codebook = "quantizer.codebook.weight";

const damages: [name: string, code: string, message: RegExp, damage: (parts: Parts) => void][] = [
  [
    "a config value that does not validate",
    "INVALID_CONFIG",
    /^Expected a whole number > 0 for codebook\.size in .*config\.json but received -1\.$/,
    ({ config }) => {
      config.codebook.size = -1;
    },
  ],
  [
    "a config value of the wrong type, in the encoder's own config",
    "INVALID_CONFIG",
    /^Expected a whole number > 0 for encoder\.hidden_size in .*config\.json but received "wide"\.$/,
    ({ config }) => {
      config.encoder.hidden_size = "wide";
    },
  ],
  [
    "a config field that is missing",
    "INVALID_CONFIG",
    /^Expected a whole number > 0 for decoder\.heads in .*config\.json but received nothing\.$/,
    ({ config }) => {
      delete config.decoder.heads;
    },
  ],
  [
    "a config field that does not exist",
    "INVALID_CONFIG",
    /for decoder\.colour in .*config\.json but received 1\.$/,
    ({ config }) => {
      config.decoder.colour = 1;
    },
  ],
  [
    "a header that promises data past the end",
    "INVALID_CHECKPOINT",
    /^Expected at most \d+ bytes of data for data_offsets of tensor quantizer\.codebook\.weight in .*model\.safetensors but received \[\d+, \d+\]\. The file was cut short, or its header is wrong: download it again\.$/,
    ({ header }) => {
      header[codebook]!.data_offsets[1] += 1e9;
    },
  ],
  [
    "a header whose shape does not fit its data",
    "INVALID_CHECKPOINT",
    /^Expected 8192 bytes \(F32 \[128, 16\]\) for data_offsets of tensor quantizer\.codebook\.weight in .* but received 4096\.$/,
    ({ header }) => {
      header[codebook]!.shape[0] = 128;
    },
  ],
  [
    "a tensor of the wrong shape",
    "INVALID_CHECKPOINT",
    /^Expected shape \[64, 16\] for tensor quantizer\.codebook\.weight in .* but received \[16, 64\]\.$/,
    ({ header }) => {
      header[codebook]!.shape.reverse();
    },
  ],
  [
    "weights that were cut short",
    "INVALID_CHECKPOINT",
    /The file was cut short/,
    (parts) => {
      parts.data = parts.data.subarray(0, 1000);
    },
  ],
];

describe.each(damages)("%s", (_, code, message, damage) => {
  test(`is ${code} for VQRAE.load, and the same one line on the command line`, async () => {
    const folder = await damagedCheckpoint(damage);
    await expect(VQRAE.load(folder)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    const { code: exitCode, stdout, stderr } = await runCli("inspect", folder, "--json");
    const { error } = JSON.parse(stdout);
    expect([exitCode, error.code, stderr]).toEqual([1, code, `vqrae: ${error.message}\n`]);
    expect(error.message).toMatch(message);
  });
});

test("a folder that is not there, and one that is empty", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-empty-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await expect(VQRAE.load(folder)).rejects.toMatchObject({
    code: "CHECKPOINT_NOT_FOUND",
    message:
      `Expected a folder with config.json for ${folder} but received a folder without config.json. ` +
      "A checkpoint holds config.json and model.safetensors (or its shards and their index), or is an mmproj file or one of weights.",
  });
  const missing = join(folder, "none");
  const { code, stderr } = await runCli("inspect", missing);
  expect([code, stderr]).toEqual([1, expect.stringContaining(`looked for ${missing} and found nothing`)]);
  await expect(VQRAE.load(missing)).rejects.toMatchObject({
    code: "CHECKPOINT_NOT_FOUND",
    message: expect.stringContaining(`looked for ${missing} and found nothing there.`),
  });
});

describe("weights that are not finite", () => {
  const image = picture(32, 32);
  const ids = new Int32Array(16);
  const mend = "Check the checkpoint's weights for NaN and infinity.";
  const calls = {
    features: (tokenizer: VQRAE) => tokenizer.encode(image, { ids: false }),
    ids: (tokenizer: VQRAE) => tokenizer.encode(image, { features: false }),
    vectors: (tokenizer: VQRAE) => tokenizer.codebookVectors([0]),
    pixels: (tokenizer: VQRAE) => tokenizer.decode(ids),
  };
  const cases: [tensor: string, value: number, call: keyof typeof calls, output: string][] = [
    ["encoder.layernorm.weight", Number.NaN, "features", 'output "features" of the encoder graph'],
    ["encoder.encoder.layer.0.output.dense.weight", Number.NaN, "ids", 'output "quantizer_input" of the encoder graph'],
    ["quantizer.in_proj.weight", Number.NaN, "ids", 'output "vectors" of the quantizer graph'],
    ["quantizer.in_proj.bias", Number.POSITIVE_INFINITY, "ids", 'output "vectors" of the quantizer graph'],
    ["quantizer.codebook_proj.weight", Number.NaN, "ids", 'output "vectors" of the codebook graph'],
    [codebook, Number.NaN, "ids", 'output "vectors" of the codebook graph'],
    [codebook, Number.NaN, "vectors", 'output "vectors" of the codebook graph'],
    ["decoder.head.weight", Number.NaN, "pixels", 'output "energies" of the decoder graph'],
  ];

  test.each(cases)("%s with %d is RUNTIME for %s", async (tensor, value, call, output) => {
    await using tokenizer = await VQRAE.load(await damagedCheckpoint(setFirst(tensor, value)), { threads: 1 });
    await expect(calls[call](tokenizer)).rejects.toMatchObject({
      code: "RUNTIME",
      message: expect.stringMatching(
        new RegExp(`^Expected finite numbers for ${output} but received \\S+\\. ${mend}$`),
      ),
    });
  });

  test("a codebook of them stops ids, each time, and nothing else", async () => {
    await using tokenizer = await VQRAE.load(await damagedCheckpoint(setFirst(codebook, Number.NaN)), { threads: 1 });
    for (let time = 0; time < 2; time++) {
      await expect(tokenizer.encode(image)).rejects.toMatchObject({ code: "RUNTIME" });
      expect((await tokenizer.encode(image, { ids: false })).features!.length).toBeGreaterThan(0);
    }
  });

  test("what does not need the weight goes on", async () => {
    const folder = await damagedCheckpoint(setFirst("decoder.head.weight", Number.NaN));
    await using tokenizer = await VQRAE.load(folder, { threads: 1 });
    await expect(tokenizer.decode(ids)).rejects.toMatchObject({ code: "RUNTIME" });
    expect((await tokenizer.encode(image)).ids).toHaveLength(16);
  });
});
