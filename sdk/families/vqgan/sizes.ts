import { countTensors, type TensorLookup } from "../../weights/tensor-lookup.ts";
import type { VqganNames } from "./names.ts";

/** The sizes that decide a VQGAN's graph; lists go from the pixels to the tokens. */
export interface VqganSizes {
  readonly encoder: readonly LevelSizes[];
  readonly decoder: readonly LevelSizes[];
  /** Channels of the first convolution. */
  readonly channels: number;
  readonly latent: number;
  readonly codes: number;
  readonly dim: number;
}

export interface LevelSizes {
  readonly channels: number;
  /** Residual blocks. */
  readonly blocks: number;
  /** One attention behind each block. */
  readonly attention: boolean;
}

/** Of a config with one list of multipliers: the decoder has a block more a level, and the deepest level has attention. */
export function regularSizes(sizes: {
  readonly channels: number;
  readonly multipliers: readonly number[];
  readonly blocks: number;
  readonly latent: number;
  readonly codes: number;
  readonly dim: number;
}): VqganSizes {
  const { channels, multipliers, blocks, latent, codes, dim } = sizes;
  const levels = (count: number) =>
    multipliers.map((multiplier, i) => ({
      channels: channels * multiplier,
      blocks: count,
      attention: i + 1 === multipliers.length,
    }));
  return { encoder: levels(blocks), decoder: levels(blocks + 1), channels, latent, codes, dim };
}

/** More levels or blocks than any has. */
const MOST = 64;

/**
 * The sizes that a checkpoint's own tensors tell.
 * @param codes null where the codes are signs, of which there is no table
 * @throws INVALID_CHECKPOINT naming a tensor that is missing or has another number of axes
 */
export function sizesOf(tensors: TensorLookup, names: VqganNames, codes: "table" | "signs"): VqganSizes {
  const outputs = (name: string): number => tensors.tensor(`${name}.weight`, [null, null, null, null]).shape[0] ?? 0;
  const count = (block: (i: number) => string) => countTensors(tensors, (i) => `${block(i)}.conv1.weight`, MOST);
  const level = (name: string): LevelSizes => ({
    channels: outputs(`${names.block(name, 0)}.conv1`),
    blocks: count((i) => names.block(name, i)),
    attention: tensors.has(`${names.attention(name, 0)}.norm.weight`),
  });
  const levels = count((i) => names.block(names.encoderLevel(i), 0));
  const dim = outputs(names.quantConvolution);
  const table = codes === "table" ? tensors.tensor("quantize.embedding.weight", [null, dim]) : null;
  return {
    channels: outputs("encoder.conv_in"),
    encoder: Array.from({ length: levels }, (_, i) => level(names.encoderLevel(i))),
    decoder: Array.from({ length: levels }, (_, i) => level(names.decoderLevel(levels - 1 - i, levels))),
    latent: outputs("encoder.conv_out"),
    codes: table ? (table.shape[0] ?? 0) : 2 ** dim,
    dim,
  };
}
