import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { families } from "../../../sdk/families/all.ts";
import { familyOf, sectionAt } from "../../../sdk/families/family-of.ts";
import { parseConfig } from "../../../sdk/families/fields/config-fields.ts";
import { unreadConfigFields } from "../../../sdk/families/fields/unread-config-fields.ts";
import { temporaryFolder, writeJson } from "../../standalone/checkpoint/temporary.ts";

/** Which fields a config may have, and what it gets where it has none, against transformers (make_config_fields.py). */

type Fields = Record<string, unknown>;
const readJson = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, name), "utf8"));
const { pretrained, generation, classes } = readJson("config-fields.json") as {
  pretrained: Fields;
  generation: string[];
  classes: Record<string, Fields>;
};

const parse = (json: Fields) => {
  const { family, path } = familyOf(families, json, "config.json");
  return parseConfig(family.config, sectionAt(json, path), "config.json", path);
};

describe.each(Object.entries(classes))("%s", (modelType, whole) => {
  const named = { ...whole, model_type: modelType };

  it("has transformers' own values where a config has none", () => {
    expect(parse({ model_type: modelType })).toEqual(parse(named));
  });

  it("may hold everything that older versions wrote", () => {
    const settings = Object.fromEntries(generation.map((name) => [name, 1]));
    expect(parse({ ...pretrained, ...settings, ...named })).toEqual(parse(named));
  });

  it.each([
    ["rope_theta", 10_000],
    ["quantization_config", { bits: 4 }],
    ["pruned_heads", { 0: [1] }],
    ["is_decoder", true],
    ["per_layer_config", { 0: { hidden_size: 1 } }],
  ])("refuses %s by name", (field, value) => {
    expect(() => parse({ ...named, [field]: value })).toThrow(
      new RegExp(
        `^Expected no such field for ${field} in config\\.json but received .*update vqrae, or remove the field`,
      ),
    );
    for (const nothing of [null, false, [], {}, ""])
      expect(parse({ ...named, [field]: nothing })).toEqual(parse(named));
  });
});

describe("fields of other transformers", () => {
  it("are taken where they say what is so anyway", () => {
    const vit = { model_type: "vit", hidden_size: 192, num_attention_heads: 3 };
    expect(parse({ ...vit, num_key_value_heads: 3, head_dim: 64 })).toEqual(parse(vit));
    expect(() => parse({ ...vit, num_key_value_heads: 1 })).toThrow(
      /as many as num_attention_heads for num_key_value_heads/,
    );
    expect(() => parse({ ...vit, head_dim: 32 })).toThrow(/hidden_size \/ num_attention_heads for head_dim in .* 32/);
    const intern = { model_type: "intern_vit_6b" };
    expect(parse({ ...intern, use_moe: false, num_experts: 8 })).toEqual(parse(intern));
    expect(() => parse({ ...intern, use_moe: true })).toThrow(/Expected false for use_moe in .* true/);
    const qwen = { model_type: "qwen2_5_vl_vision" };
    expect(() => parse({ ...qwen, rope_parameters: { rope_theta: 5000 } })).toThrow(
      /10000 for rope_parameters\.rope_theta/,
    );
  });
});

it("the lists are transformers'", () => {
  const lists: Record<string, readonly string[]> = unreadConfigFields;
  expect(lists["They are for generating text."]).toEqual(generation);
  const known = new Set(Object.values(lists).flat());
  const counting = Object.keys(pretrained).filter((name) => !known.has(name));
  // They would count, and say no by themselves.
  expect(counting.map((name) => [name, pretrained[name]])).toEqual([
    ["is_encoder_decoder", false],
    ["torchscript", false],
    ["pruned_heads", null],
    ["is_decoder", false],
    ["cross_attention_hidden_size", null],
    ["add_cross_attention", false],
    ["tie_encoder_decoder", false],
    ["tf_legacy_loss", false],
  ]);
});

/** config.json and the processor's file of known checkpoints; each says what of it was checked (make_published.py). */
const published = Object.entries(
  readJson("published.json") as Record<string, { config: Fields; file: Fields; maxTokens: number }>,
);
describe("known checkpoints", () => {
  it.each(published)("%s loads as it is", async (_, { config: json, file: fields, maxTokens }) => {
    const folder = await temporaryFolder();
    await writeJson(folder, "preprocessor_config.json", fields);
    const { family, path } = familyOf(families, json, "config.json");
    const config = parse(json);
    const plan = await family.image(config, { folder, file: "config.json", json, path, processor: null });
    const tokens = plan.geometry === "native" ? plan.maxPatches : Math.floor(plan.size / patchSizeOf(config)) ** 2;
    expect(tokens).toBe(maxTokens);
  });
});

const patchSizeOf = (config: unknown): number => (config as { patchSize: number }).patchSize;
