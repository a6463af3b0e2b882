import type { ResidualBlockRef } from "../../nn/layers/residual-block.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import type { LinearRef } from "../../weights/tensor-ref.ts";
import type { VqganNames } from "./names.ts";
import { residualCodes } from "./residual-codes.ts";
import type { LevelSizes, VqganSizes } from "./sizes.ts";
import type { AttentionRef, CodesRef, LevelRef, MiddleRef, VqganSpec } from "./spec.ts";

/** How vectors become codes and pixels bytes. */
export interface VqganRules {
  readonly codes: CodesRef["by"];
  readonly zeroByte: VqganSpec["zeroByte"];
  /** Of "residual": the sides of the grids, coarse to fine. */
  readonly scales?: readonly number[];
}

/** Finds the tensors. */
export function resolveVqgan(
  sizes: VqganSizes,
  names: VqganNames,
  { codes: by, zeroByte, scales = [] }: VqganRules,
  tensors: TensorLookup,
): VqganSpec {
  const { channels, encoder, decoder, latent, codes, dim } = sizes;
  const deepest = encoder.at(-1)?.channels ?? channels;
  const tokensSide = decoder.at(-1)?.channels ?? channels;
  const shallowest = decoder[0]?.channels ?? channels;
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
    const [query, key, value] = names.fusedAttention
      ? tensors.fusedLinears(`${name}.qkv`, [width, width, 1, 1])
      : [one("q"), one("k"), one("v")];
    return { norm: groupNorm(`${name}.norm`, width), query, key, value, out: one("proj_out") };
  };
  const level = (name: string, own: LevelSizes, into: number): Omit<LevelRef, "resample"> => ({
    blocks: Array.from({ length: own.blocks }, (_, i) =>
      block(names.block(name, i), i === 0 ? into : own.channels, own.channels),
    ),
    attentions: own.attention
      ? Array.from({ length: own.blocks }, (_, i) => attention(names.attention(name, i), own.channels))
      : [],
  });
  const middle = (part: "encoder" | "decoder", width: number): MiddleRef => {
    const own = names.middle(part);
    return {
      before: block(own.before, width, width),
      attention: attention(own.attention, width),
      after: block(own.after, width, width),
    };
  };

  const codesOf = (): CodesRef => {
    if (by === "signs") return { by, dim, firstBit: "most" };
    const table = tensors.tensor("quantize.embedding.weight", [codes, dim]);
    return by === "residual" ? residualCodes(table, scales, tensors) : { by, table };
  };
  const quantSide = by === "residual" ? 3 : 1;

  const down = encoder.map((own, i): LevelRef => {
    const name = names.encoderLevel(i);
    const last = i + 1 === encoder.length;
    const resample = last ? null : convolution(`${name}.downsample.conv`, own.channels, own.channels, 3);
    return { ...level(name, own, encoder[i - 1]?.channels ?? channels), resample };
  });
  const up = decoder.toReversed().map((own, step, turned): LevelRef => {
    const name = names.decoderLevel(step, turned.length);
    const last = step + 1 === turned.length;
    const resample = last ? null : convolution(`${name}.upsample.conv`, own.channels, own.channels, 3);
    return { ...level(name, own, turned[step - 1]?.channels ?? tokensSide), resample };
  });
  return {
    encoder: {
      first: convolution("encoder.conv_in", channels, 3, 3),
      levels: down,
      middle: middle("encoder", deepest),
      lastNorm: groupNorm("encoder.norm_out", deepest),
      last: convolution("encoder.conv_out", latent, deepest, 3),
    },
    quantConvolution: convolution(names.quantConvolution, dim, latent, quantSide),
    codes: codesOf(),
    zeroByte,
    postQuantConvolution: convolution(names.postQuantConvolution, latent, dim, quantSide),
    decoder: {
      first: convolution("decoder.conv_in", tokensSide, latent, 3),
      levels: up,
      middle: middle("decoder", tokensSide),
      lastNorm: groupNorm("decoder.norm_out", shallowest),
      last: convolution("decoder.conv_out", 3, shallowest, 3),
    },
  };
}
