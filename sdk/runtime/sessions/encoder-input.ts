import type { Tensor } from "onnxruntime-node";
import type { RgbImage, TokenGrid } from "../../contract/image.ts";
import { expectedBut } from "../../errors.ts";
import { patchify } from "../../image/patchify.ts";
import { planar } from "../../image/planar.ts";
import type { ViewPlan } from "../../image/view-plan.ts";
import type { EncoderInputFacts, Precision } from "../pool/protocol.ts";
import type { Sessions } from "./sessions.ts";

/**
 * Whether images may share an encoder pass: where they have one grid. In 8 bits each takes its own, since activations
 * share one scale (DynamicQuantizeLinear): an image's numbers would depend on those it runs with.
 */
export const shareRuns = (image: ViewPlan, precision: Precision): boolean =>
  image.geometry !== "native" && precision === "fp32";

export interface EncoderInput {
  /** Of each image. */
  readonly grid: TokenGrid;
  /** Patches of all images. */
  readonly tokens: number;
  /** What the encoder's graph takes. */
  readonly feeds: Record<string, Tensor>;
}

/**
 * n images of one size, prepared as the checkpoint wants them.
 * @param next of a video: the frame after the only image, which shares its patches
 */
export function encoderInput(
  sessions: Sessions,
  pixels: readonly RgbImage[],
  { geometry, mean, std }: Pick<ViewPlan, "geometry" | "mean" | "std">,
  { takes, patchSize, pairs }: EncoderInputFacts,
  next?: RgbImage,
): EncoderInput {
  const [first] = pixels;
  if (first === undefined) throw expectedBut("RUNTIME", "an image", "a graph run", "none");
  const { width, height } = first;
  const grid = { rows: Math.floor(height / patchSize), columns: Math.floor(width / patchSize) };
  const tokens = pixels.length * grid.rows * grid.columns;
  if (takes === "pixels") {
    const data = planar(pixels, mean, std);
    return { grid, tokens, feeds: { pixels: sessions.tensor("float32", data, [pixels.length, 3, height, width]) } };
  }
  const patches = patchify(pixels, patchSize, mean, std);
  const numbers = 3 * patchSize * patchSize;
  const change = next ? differences(patchify([next], patchSize, mean, std), patches) : new Float32Array(numbers);
  const ownGrid = BigInt64Array.of(BigInt(grid.rows), BigInt(grid.columns));
  return {
    grid,
    tokens,
    feeds: {
      patches: sessions.tensor("float32", patches, [tokens, numbers]),
      ...(pairs && { change: sessions.tensor("float32", change, [change.length / numbers, numbers]) }),
      ...(geometry === "native" && { grid: sessions.tensor("int64", ownGrid, [2]) }),
    },
  };
}

const differences = (values: Float32Array, others: Float32Array): Float32Array =>
  values.map((value, i) => value - (others[i] ?? 0));
