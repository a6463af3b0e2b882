import { expect, test } from "vitest";
import { VqraeError } from "../../../sdk/errors.ts";
import { parseConfig } from "../../../sdk/families/fields/config-fields.ts";
import { vqraeConfig } from "../../../sdk/families/vqrae/config.ts";
import { type TinyConfig, tinyConfig } from "./tiny-vqrae.ts";

test("a sound config; layers default to the last, normalize to false, combine to concat, headKernel to 1", () => {
  const { layers: _, normalize: __, ...codebook } = tinyConfig().codebook;
  expect(parseConfig(vqraeConfig, { ...tinyConfig(), codebook }, "config.json")).toEqual({
    ...tinyConfig(),
    decoder: { ...tinyConfig().decoder, headKernel: 1 },
    codebook: { ...codebook, layers: [-1], normalize: false, combine: "concat" },
  });
});

// biome-ignore lint/suspicious/noExplicitAny: each case breaks the type on purpose
const bad: [message: string, change: (config: any) => void][] = [
  ["Expected a whole number > 0 for codebook.size in config.json but received -1.", (c) => (c.codebook.size = -1)],
  ["Expected a whole number > 0 for codebook.size in config.json but received 1.5.", (c) => (c.codebook.size = 1.5)],
  ['Expected a whole number > 0 for codebook.dim in config.json but received "256".', (c) => (c.codebook.dim = "256")],
  ["Expected a whole number > 0 for codebook.dim in config.json but received nothing.", (c) => delete c.codebook.dim],
  ["Expected true or false for codebook.bias in config.json but received 1.", (c) => (c.codebook.bias = 1)],
  [
    "Expected a whole number for codebook.layers[1] in config.json but received null.",
    (c) => (c.codebook.layers[1] = null),
  ],
  ["Expected at least one layer for codebook.layers in config.json but received [].", (c) => (c.codebook.layers = [])],
  ["Expected an object for decoder in config.json but received nothing.", (c) => delete c.decoder],
  [
    "Expected a number > 0 and at most 1 for decoder.layerNormEps in config.json but received 0.",
    (c) => (c.decoder.layerNormEps = 0),
  ],
  [
    'Expected one of "gelu", "gelu_tanh" for decoder.activation in config.json but received "relu".',
    (c) => (c.decoder.activation = "relu"),
  ],
  ["Expected an odd number for decoder.headKernel in config.json but received 2.", (c) => (c.decoder.headKernel = 2)],
  [
    "Expected a divisor of decoder.hiddenSize for decoder.heads in config.json but received 4.",
    (c) => (c.decoder.heads = 4),
  ],
  [
    "Expected three numbers > 0 (red, green, blue) for image.std[2] in config.json but received 0.",
    (c) => (c.image.std[2] = 0),
  ],
  [
    "Expected three numbers (red, green, blue) for image.mean in config.json but received [0.5].",
    (c) => (c.image.mean = [0.5]),
  ],
  [
    'Expected one of "stretch", "crop" for image.geometry in config.json but received "pad".',
    (c) => (c.image.geometry = "pad"),
  ],
  [
    "Expected no such field (the fields are layer, postNorm) for features.norm in config.json but received true.",
    (c) => (c.features.norm = true),
  ],
  [
    "Expected no such field (the fields are model_type, encoder, features, codebook, decoder, classifier, image) for extra in config.json but received 1.",
    (c) => (c.extra = 1),
  ],
  ["Expected a string for encoder.model_type in config.json but received nothing.", (c) => delete c.encoder.model_type],
  [
    "Expected a whole number for features.layer in config.json but received NaN.",
    (c) => (c.features.layer = Number.NaN),
  ],
];
test.each(bad)("%s", (message, change) => {
  const config: TinyConfig = tinyConfig();
  change(config);
  const parse = () => parseConfig(vqraeConfig, config, "config.json");
  expect(parse).toThrow(message);
  expect(parse).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }));
  expect(parse).toThrow(VqraeError);
});
