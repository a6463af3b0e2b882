import { expectedBut } from "../../errors.ts";
import type { ResidualBlockRef } from "../../nn/layers/residual-block.ts";
import { countTensors, type TensorLookup } from "../../weights/tensor-lookup.ts";
import type { LfqDecoder, LfqEncoder } from "./spec.ts";

/** The sizes that decide the graph; lists go from the pixels to the tokens. */
export interface LfqSizes {
  /** Of the first convolution. */
  readonly channels: number;
  readonly levels: readonly { readonly channels: number; readonly blocks: number }[];
  /** Blocks between the levels and the tokens. */
  readonly middle: number;
  /** Numbers of a token. */
  readonly dim: number;
}

/** More levels or blocks than any has. */
const MOST = 64;

/**
 * The sizes that a checkpoint's own tensors tell.
 * @throws INVALID_CHECKPOINT naming a tensor that is missing or has another number of axes; UNSUPPORTED for a decoder that takes noise
 */
export function lfqSizes(tensors: TensorLookup): LfqSizes {
  const shape = (name: string) => tensors.tensor(`${name}.weight`, [null, null, null, null]).shape;
  const outputs = (name: string) => shape(name)[0] ?? 0;
  const count = (block: (i: number) => string) => countTensors(tensors, (i) => `${block(i)}.conv1.weight`, MOST);
  const levels = count((i) => `encoder.down.${i}.block.0`);
  const dim = outputs("encoder.conv_out");
  const [, taken = 0] = shape("decoder.conv_in");
  if (taken === 2 * dim) {
    const received = `decoder.conv_in with ${taken} inputs for ${dim} numbers a token: a decoder that takes noise too`;
    throw expectedBut(
      "UNSUPPORTED",
      'a decoder without noise ("gan_decoder": false)',
      "BitDance's tokenizer",
      received,
    );
  }
  return {
    channels: outputs("encoder.conv_in"),
    levels: Array.from({ length: levels }, (_, l) => ({
      channels: outputs(`encoder.down.${l}.block.0.conv1`),
      blocks: count((i) => `encoder.down.${l}.block.${i}`),
    })),
    middle: count((i) => `encoder.mid_block.${i}`),
    dim,
  };
}

/** Finds the tensors, by the names of src/Open_MAGVIT2/modules/diffusionmodules/improved_model.py. */
export function resolveLfq(
  { channels, levels, middle, dim }: LfqSizes,
  tensors: TensorLookup,
): { encoder: LfqEncoder; decoder: LfqDecoder } {
  const deepest = levels.at(-1)?.channels ?? channels;
  const shallowest = levels[0]?.channels ?? channels;
  const convolution = (name: string, out: number, into: number, side = 3, bias = true) =>
    tensors.linear(name, [out, into, side, side], bias);

  const block = (name: string, into: number, out: number): ResidualBlockRef => ({
    norm1: tensors.layerNorm(`${name}.norm1`, into),
    convolution1: convolution(`${name}.conv1`, out, into, 3, false),
    norm2: tensors.layerNorm(`${name}.norm2`, out),
    convolution2: convolution(`${name}.conv2`, out, out, 3, false),
    shortcut: into === out ? null : convolution(`${name}.nin_shortcut`, out, into, 1, false),
  });
  const blocks = (name: string, count: number, into: number, out: number) =>
    Array.from({ length: count }, (_, i) => block(`${name}.${i}`, i === 0 ? into : out, out));

  const encoder: LfqEncoder = {
    first: convolution("encoder.conv_in", channels, 3, 3, false),
    levels: levels.map((own, l) => ({
      blocks: blocks(`encoder.down.${l}.block`, own.blocks, levels[l - 1]?.channels ?? channels, own.channels),
      down: l + 1 === levels.length ? null : convolution(`encoder.down.${l}.downsample`, own.channels, own.channels),
    })),
    middle: blocks("encoder.mid_block", middle, deepest, deepest),
    lastNorm: tensors.layerNorm("encoder.norm_out", deepest),
    last: convolution("encoder.conv_out", dim, deepest, 1),
  };
  const decoder: LfqDecoder = {
    first: convolution("decoder.conv_in", deepest, dim),
    middle: blocks("decoder.mid_block", middle, deepest, deepest),
    levels: levels
      .map((own, l) => {
        const into = levels[l + 1]?.channels ?? deepest;
        const style = (part: string) => tensors.linear(`decoder.adaptive.${l}.${part}`, [into, dim]);
        return {
          adaptive: { gamma: style("gamma"), beta: style("beta") },
          blocks: blocks(`decoder.up.${l}.block`, own.blocks, into, own.channels),
          up: l === 0 ? null : convolution(`decoder.up.${l}.upsample.conv1`, 4 * own.channels, own.channels),
        };
      })
      .toReversed(),
    lastNorm: tensors.layerNorm("decoder.norm_out", shallowest),
    last: convolution("decoder.conv_out", 3, shallowest),
  };
  for (const part of ["encoder.", "decoder."]) tensors.below(part).requireAllUsed();
  return { encoder, decoder };
}
