import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import type { LinearRef } from "../../weights/tensor-ref.ts";
import type { AttentionRef, LevelRef, MiddleRef, ResidualBlockRef, VqganSpec } from "./spec.ts";

/** The sizes that decide a VQGAN's graph. */
export interface VqganSizes {
  /** Channels of the first convolution. */
  readonly channels: number;
  /** Of each level, from the pixels to the tokens. */
  readonly multipliers: readonly number[];
  /** Residual blocks of a level; the decoder has one more. */
  readonly blocks: number;
  readonly latent: number;
  readonly codes: number;
  readonly dim: number;
}

/** How a checkpoint names the parts; linears, convolutions and norms without their ".weight" and ".bias". */
export interface VqganNames {
  readonly encoderLevel: (level: number) => string;
  /** `step` counts from the tokens on. */
  readonly decoderLevel: (step: number) => string;
  readonly block: (level: string, index: number) => string;
  readonly attention: (level: string, index: number) => string;
  readonly middle: (part: "encoder" | "decoder") => {
    readonly before: string;
    readonly attention: string;
    readonly after: string;
  };
}

/** transformers' names (transformers/models/janus, chameleon). */
export const huggingFaceNames: VqganNames = {
  encoderLevel: (level) => `encoder.down.${level}`,
  decoderLevel: (step) => `decoder.up.${step}`,
  block: (level, index) => `${level}.block.${index}`,
  attention: (level, index) => `${level}.attn.${index}`,
  middle: (part) => ({
    before: `${part}.mid.block_1`,
    attention: `${part}.mid.attn_1`,
    after: `${part}.mid.block_2`,
  }),
};

/** Finds the tensors. Attention stands at the deepest level alone, behind each of its blocks. */
export function resolveVqgan(sizes: VqganSizes, names: VqganNames, tensors: TensorLookup): VqganSpec {
  const { channels, multipliers, blocks, latent, codes, dim } = sizes;
  const widths = multipliers.map((multiplier) => channels * multiplier);
  const deepest = widths.at(-1) ?? channels;
  const shallowest = widths[0] ?? channels;
  const convolution = (name: string, out: number, into: number, side: number): LinearRef =>
    tensors.linear(name, [out, into, side, side]);
  const groupNorm = (name: string, width: number) => tensors.layerNorm(name, width);

  const block = (name: string, into: number, out: number): ResidualBlockRef => ({
    norm1: groupNorm(`${name}.norm1`, into),
    convolution1: convolution(`${name}.conv1`, out, into, 3),
    norm2: groupNorm(`${name}.norm2`, out),
    convolution2: convolution(`${name}.conv2`, out, out, 3),
    shortcut: into === out ? null : convolution(`${name}.nin_shortcut`, out, into, 1),
  });
  const attention = (name: string, width: number): AttentionRef => {
    const one = (part: string) => convolution(`${name}.${part}`, width, width, 1);
    return {
      norm: groupNorm(`${name}.norm`, width),
      query: one("q"),
      key: one("k"),
      value: one("v"),
      out: one("proj_out"),
    };
  };
  const level = (name: string, count: number, into: number, out: number): Omit<LevelRef, "resample"> => ({
    blocks: Array.from({ length: count }, (_, i) => block(names.block(name, i), i === 0 ? into : out, out)),
    attentions:
      name === names.encoderLevel(widths.length - 1) || name === names.decoderLevel(0)
        ? Array.from({ length: count }, (_, i) => attention(names.attention(name, i), out))
        : [],
  });
  const middle = (part: "encoder" | "decoder"): MiddleRef => {
    const own = names.middle(part);
    return {
      before: block(own.before, deepest, deepest),
      attention: attention(own.attention, deepest),
      after: block(own.after, deepest, deepest),
    };
  };

  const down = widths.map((out, i): LevelRef => {
    const name = names.encoderLevel(i);
    const resample = i + 1 < widths.length ? convolution(`${name}.downsample.conv`, out, out, 3) : null;
    return { ...level(name, blocks, i === 0 ? channels : (widths[i - 1] ?? channels), out), resample };
  });
  const up = widths.toReversed().map((out, step, turned): LevelRef => {
    const name = names.decoderLevel(step);
    const resample = step + 1 < turned.length ? convolution(`${name}.upsample.conv`, out, out, 3) : null;
    return { ...level(name, blocks + 1, turned[step - 1] ?? deepest, out), resample };
  });
  return {
    encoder: {
      first: convolution("encoder.conv_in", channels, 3, 3),
      levels: down,
      middle: middle("encoder"),
      lastNorm: groupNorm("encoder.norm_out", deepest),
      last: convolution("encoder.conv_out", latent, deepest, 3),
    },
    quantConvolution: convolution("quant_conv", dim, latent, 1),
    codebook: tensors.tensor("quantize.embedding.weight", [codes, dim]),
    postQuantConvolution: convolution("post_quant_conv", latent, dim, 1),
    decoder: {
      first: convolution("decoder.conv_in", deepest, latent, 3),
      levels: up,
      middle: middle("decoder"),
      lastNorm: groupNorm("decoder.norm_out", shallowest),
      last: convolution("decoder.conv_out", 3, shallowest, 3),
    },
  };
}
