import { ggufValue } from "../../../../sdk/kit.ts";
import { blockNames, rootNames } from "./names.ts";
import type { OwnKeys, TextConfig, TextFamily } from "./text-family.ts";

const { float32, uint32 } = ggufValue;

const keys = ({ vocabSize, headDim }: TextConfig): OwnKeys => [
  ["vocab_size", uint32(vocabSize)],
  ...(headDim === null ? [] : [["rope.dimension_count", uint32(headDim)] as const]),
];

/** Source: llama.cpp's conversion/llama.py, `LlamaModel`. */
export const llama: TextFamily = {
  architecture: "llama",
  modelTypes: ["llama"],
  defaults: {
    vocab_size: 32_000,
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-6,
  },
  headDimFromWidth: true,
  rootNames,
  blockNames,
  rotaryPairs: true,
  tokenizers: "either",
  spacePrefix: "as configured",
  keys,
};

/** The same architecture, with other defaults: Mistral, and Pixtral's language model. */
export const mistral: TextFamily = {
  ...llama,
  modelTypes: ["mistral"],
  defaults: {
    ...llama.defaults,
    intermediate_size: 14_336,
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
  },
};

/** Mistral Small 3's language model in a `mistral3` folder. Source: conversion/mistral3.py. */
export const mistral3: TextFamily = { ...mistral, architecture: "mistral3", modelTypes: [] };

/** Ministral 3: yarn, and a temperature that grows with the position. */
export const ministral3: TextFamily = {
  ...mistral3,
  modelTypes: ["ministral3"],
  defaults: {
    ...mistral.defaults,
    vocab_size: 131_072,
    num_hidden_layers: 34,
    head_dim: 128,
    max_position_embeddings: 262_144,
    rms_norm_eps: 1e-5,
  },
  keys: (config) => {
    const { mscale_all_dim: multiplier, llama_4_scaling_beta: scale } = config.rope;
    return [
      ...keys(config),
      ...(typeof multiplier === "number" ? [["rope.scaling.yarn_log_multiplier", float32(multiplier)] as const] : []),
      ...(typeof scale === "number" ? [["attention.temperature_scale", float32(scale)] as const] : []),
    ];
  },
};
