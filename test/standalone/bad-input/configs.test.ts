import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { VQRAE } from "../../../sdk/index.ts";
import { golden } from "../runtime/fixtures/tiny.ts";
import { damagedCheckpoint } from "./damaged-checkpoint.ts";

/** config.json and preprocessor_config.json that are no JSON, and ones with absurd numbers. */

const load = async (folder: string) => {
  await using tokenizer = await VQRAE.load(folder);
  return tokenizer.info;
};

describe("config.json", () => {
  const texts: [name: string, text: string | Buffer, message: RegExp][] = [
    ["nothing", "", /^Expected JSON in UTF-8 for .*config\.json/],
    ["half an object", '{"model_type": "vqrae", ', /^Expected JSON in UTF-8/],
    ["NaN, which Python writes", '{"model_type": "vit", "layer_norm_eps": NaN}', /^Expected JSON in UTF-8/],
    ["a byte order mark", '\ufeff{"model_type": "vit"}', /^Expected JSON in UTF-8/],
    ["bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /^Expected JSON in UTF-8/],
    ["a list", "[]", /^Expected a JSON object for .*config\.json but received \[\]\.$/],
    ["a string", '"vit"', /^Expected a JSON object for .*config\.json but received "vit"\.$/],
    ["null", "null", /^Expected a JSON object for .*config\.json but received null\.$/],
    ["a key twice", '{"model_type": "vit", "hidden_size": 1, "hidden_size": 2}', /"hidden_size" twice\.$/],
    [
      "an inner key twice",
      '{"model_type":"clip","vision_config":{"a":1,"\\u0061":2}}',
      /^Expected each key once .*"a" twice\.$/,
    ],
    [
      "a type that nobody knows",
      '{"model_type": "resnet"}',
      /for model_type in .*config\.json but received "resnet"\.$/,
    ],
    ["a type that every object has", '{"model_type": "constructor"}', /but received "constructor"\.$/],
    ["nesting without end", `{"model_type": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`, /deeper nesting/],
  ];
  test.each(texts)("%s is INVALID_CONFIG", async (_, text, message) => {
    const folder = await damagedCheckpoint((parts) => {
      parts.configText = text;
    });
    await expect(load(folder)).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringMatching(message),
    });
  });

  const numbers: [field: string, value: unknown, code: string, message: RegExp][] = [
    [
      "hidden_size",
      1e9,
      "INVALID_CHECKPOINT",
      /^Expected shape \[1000000000, 3, 4, 4\] for tensor embeddings\.patch_emb/,
    ],
    ["hidden_size", 0, "INVALID_CONFIG", /^Expected a whole number > 0 for hidden_size/],
    ["hidden_size", "16", "INVALID_CONFIG", /^Expected a whole number > 0 for hidden_size in .* received "16"\.$/],
    ["hidden_size", 1e300, "INVALID_CONFIG", /received 1e\+300\.$/],
    ["num_hidden_layers", 1e6, "INVALID_CHECKPOINT", /tensor encoder\.layer\.3\..* received no such tensor/],
    ["num_hidden_layers", -3, "INVALID_CONFIG", /for num_hidden_layers in .* received -3\.$/],
    ["num_hidden_layers", null, "INVALID_CONFIG", /for num_hidden_layers in .* received null\.$/],
    ["num_hidden_layers", [12], "INVALID_CONFIG", /for num_hidden_layers in .* received \[12\]\.$/],
    ["num_attention_heads", 1.5, "INVALID_CONFIG", /for num_attention_heads in .* received 1\.5\.$/],
    ["num_attention_heads", 5, "INVALID_CONFIG", /^Expected a divisor of hidden_size for num_attention_heads/],
    ["intermediate_size", 2 ** 53, "INVALID_CONFIG", /for intermediate_size/],
    ["mlp_ratio", 1e308, "INVALID_CHECKPOINT", /for tensor encoder\.layer\.0\.mlp\.fc1\.weight/],
    ["image_size", 1e9, "INVALID_CHECKPOINT", /for tensor embeddings\.position_embeddings/],
    ["image_size", [20, 24], "INVALID_CONFIG", /^Expected a square for image_size/],
    ["patch_size", 1e6, "INVALID_CONFIG", /^Expected at most image_size for patch_size/],
    ["layer_norm_eps", -1e-6, "INVALID_CONFIG", /^Expected a number > 0 and at most 1 for layer_norm_eps/],
    ["layer_norm_eps", 1e30, "INVALID_CONFIG", /^Expected a number > 0 and at most 1 for layer_norm_eps/],
  ];
  test.each(numbers)("%s: %j is %s", async (field, value, code, message) => {
    const damage = ({ config }: { config: Record<string, unknown> }) => {
      config[field] = value;
    };
    const folder = await damagedCheckpoint(damage, { source: golden("checkpoint/dinov2") });
    await expect(load(folder)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe("preprocessor_config.json", () => {
  const cases: [name: string, config: unknown, message: RegExp][] = [
    ["a list", [], /^Expected a JSON object for .*preprocessor_config\.json/],
    [
      "an input of a terapixel, which the encoder's positions could be stretched to",
      { size: { shortest_edge: 1e6 }, crop_size: 1e6 },
      /^Expected at most 65536 tokens for one image but received 62500000000: 1000000 x 1000000 pixels in patches of 4\.$/,
    ],
    ["a negative size", { size: -1 }, /for size in .*preprocessor_config\.json/],
    ["a size of text", { size: "224" }, /for size in .*preprocessor_config\.json/],
    ["a deviation of zero", { image_std: [0.5, 0, 0.5] }, /for image_std\[1\]/],
    ["two means", { image_mean: [0.5, 0.5] }, /for image_mean/],
    ["a filter that Pillow does not have", { resample: 9 }, /for resample/],
    ["a processor that nobody knows", { image_processor_type: "constructor" }, /for image_processor_type/],
  ];
  test.each(cases)("%s", async (_, config, message) => {
    const folder = await mkdtemp(join(tmpdir(), "vqrae-preprocessor-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await cp(golden("checkpoint/dinov2"), folder, { recursive: true });
    await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(config));
    await expect(load(folder)).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringMatching(message),
    });
  });
});
