import type { ImageTokens, VisionTokenizerInfo } from "../../sdk/index.ts";
import { requireFeatureDim } from "../../sdk/kit.ts";

/** What `vqrae encode` writes, in any format. */
export interface EncodedImages {
  readonly info: VisionTokenizerInfo;
  /** The paths as given. */
  readonly images: readonly string[];
  /** One for each image; all hold the same outputs. */
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
 * and `grid` [2], rows and columns. Where each image has a grid of its own, `grid` is [n, 2], `ids` [t] and `features`
 * [t, dim], the tokens of all images one after the other.
 */
export function stackTokens({ info, tokens }: EncodedImages): NamedArray[] {
  const { grid } = info;
  const n = tokens.length;
  const grids = grid === null ? tokens.map((one) => one.grid) : [grid];
  const places = Int32Array.from(grids.flatMap(({ rows, columns }) => [rows, columns]));
  const arrays: NamedArray[] = [{ name: "grid", shape: grid === null ? [n, 2] : [2], data: places }];
  const all = countTokens(tokens);
  const shape = grid === null ? [all] : [n, grid.rows * grid.columns];
  const ids = tokens.flatMap((one) => (one.ids ? [one.ids] : []));
  if (ids.length > 0) arrays.push({ name: "ids", shape, data: fill(new Int32Array(all), ids) });
  const features = tokens.flatMap((one) => (one.features ? [one.features] : []));
  if (features.length > 0) {
    const featureDim = requireFeatureDim(info);
    const data = fill(new Float32Array(all * featureDim), features);
    arrays.push({ name: "features", shape: [...shape, featureDim], data });
  }
  const classTokens = tokens.flatMap((one) => (one.classToken ? [one.classToken] : []));
  if (classTokens.length > 0) {
    const featureDim = requireFeatureDim(info);
    arrays.push({
      name: "class_token",
      shape: [n, featureDim],
      data: fill(new Float32Array(n * featureDim), classTokens),
    });
  }
  return arrays;
}

/** The tokens of all images together. */
export const countTokens = (tokens: readonly ImageTokens[]): number =>
  tokens.reduce((sum, { grid }) => sum + grid.rows * grid.columns, 0);

/** Copies `parts`, one after the other, into `target`. */
function fill<A extends Int32Array | Float32Array>(target: A, parts: readonly A[]): A {
  let offset = 0;
  for (const part of parts) {
    target.set(part, offset);
    offset += part.length;
  }
  return target;
}
