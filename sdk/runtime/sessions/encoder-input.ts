import type { Tensor } from "onnxruntime-node";
import type { RgbImage, TokenGrid } from "../../contract/image.ts";
import { patchify } from "../../image/patchify.ts";
import type { ImageSpec } from "../../image/view-plan.ts";
import type { Precision } from "../pool/protocol.ts";
import type { Sessions } from "./sessions.ts";

/**
 * Whether images may share an encoder pass: where they have one grid. In 8 bits each takes its own, since activations
 * share one scale (DynamicQuantizeLinear): an image's numbers would depend on those it runs with.
 */
export const shareRuns = (image: ImageSpec, precision: Precision): boolean =>
  image.geometry !== "native" && precision === "fp32";

export interface EncoderInput {
  /** Of each image. */
  readonly grid: TokenGrid;
  /** Patches of all images. */
  readonly tokens: number;
  /** What the encoder's graph takes. */
  readonly feeds: Record<string, Tensor>;
}

/** n images of one size, prepared as the checkpoint wants them. */
export function encoderInput(
  sessions: Sessions,
  pixels: readonly RgbImage[],
  { geometry, mean, std }: ImageSpec,
  patchSize: number,
): EncoderInput {
  const { width, height } = pixels[0]!;
  const grid = { rows: Math.floor(height / patchSize), columns: Math.floor(width / patchSize) };
  const patches = patchify(pixels, patchSize, mean, std);
  const patchWidth = 3 * patchSize * patchSize;
  const tokens = patches.length / patchWidth;
  const ownGrid = BigInt64Array.of(BigInt(grid.rows), BigInt(grid.columns));
  return {
    grid,
    tokens,
    feeds: {
      patches: sessions.tensor("float32", patches, [tokens, patchWidth]),
      ...(geometry === "native" && { grid: sessions.tensor("int64", ownGrid, [2]) }),
    },
  };
}
