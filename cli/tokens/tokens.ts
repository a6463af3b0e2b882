import { fill } from "../../adapters/token-vectors.ts";
import type { EncoderInfo, ImageTokens } from "../../sdk/index.ts";
import { requireFeatureDim } from "../../sdk/kit.ts";

/** What `vqrae encode` writes, in any format. */
export interface EncodedImages {
  readonly info: EncoderInfo;
  /** The paths as you gave them. */
  readonly images: readonly string[];
  /** One for each image. All of them have the same outputs. */
  readonly tokens: readonly ImageTokens[];
}

/** An array of all images, as numpy and safetensors files hold it. */
export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Int32Array | Float32Array;
}

/**
 * One array for each output that was computed: `ids` [n, tokens], `features` [n, tokens, dim], `class_token` [n, dim];
 * and `grid` [2], rows and columns. A model with several codes a token has `ids` [n, tokens, codes], and one with several scales
 * `ids` [n, all scales' ids].
 *
 * If each image has a grid of its own, `grid` is [n, 2], and `ids` [t] and `features` [t, dim] are the tokens of all images
 * one after the other.
 */
export function stackTokens({ info, tokens }: EncodedImages): NamedArray[] {
  const { grid } = info;
  const n = tokens.length;
  const grids = grid === null ? tokens.map((one) => one.grid) : [grid];
  const places = Int32Array.from(grids.flatMap(({ rows, columns }) => [rows, columns]));
  const arrays: NamedArray[] = [{ name: "grid", shape: grid === null ? [n, 2] : [2], data: places }];
  const all = countTokens(tokens);
  const shape = grid === null ? [all] : [n, grid.rows * grid.columns];
  const ids = tokens.flatMap((one) => one.ids ?? []);
  if (ids.length > 0) {
    const codes = codesPerToken(info);
    const [first] = ids;
    const data = fill(new Int32Array(ids.reduce((sum, { length }) => sum + length, 0)), ids);
    const tokensOfIds = grid === null ? shape : [n, (first?.length ?? 0) / codes];
    arrays.push({ name: "ids", shape: codes === 1 ? tokensOfIds : [...tokensOfIds, codes], data });
  }
  const features = tokens.flatMap((one) => one.features ?? []);
  if (features.length > 0) {
    const featureDim = requireFeatureDim(info);
    const data = fill(new Float32Array(all * featureDim), features);
    arrays.push({ name: "features", shape: [...shape, featureDim], data });
  }
  const classTokens = tokens.flatMap((one) => one.classToken ?? []);
  if (classTokens.length > 0) {
    const featureDim = requireFeatureDim(info);
    const data = fill(new Float32Array(n * featureDim), classTokens);
    arrays.push({ name: "class_token", shape: [n, featureDim], data });
  }
  return arrays;
}

/** Ids of one token. */
export const codesPerToken = ({ codebook }: EncoderInfo): number => codebook?.codesPerToken ?? 1;

/** The tokens of all images together. */
export const countTokens = (tokens: readonly ImageTokens[]): number =>
  tokens.reduce((sum, { grid }) => sum + grid.rows * grid.columns, 0);
