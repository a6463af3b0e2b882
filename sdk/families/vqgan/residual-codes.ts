import { expectedBut } from "../../errors.ts";
import { countTensors, type TensorLookup } from "../../weights/tensor-lookup.ts";
import type { TensorRef } from "../../weights/tensor-ref.ts";
import type { ResidualCodesRef } from "./spec.ts";

const blendName = (i: number) => `quantize.quant_resi.qresi_ls.${i}`;

/** A tensor that only VAR's tokenizer has. */
export const RESIDUAL_MARK = `${blendName(0)}.weight`;

/** The convolutions that VAR's scales share. */
const BLENDS = 4;

/**
 * Finds VAR's convolutions (`PhiPartiallyShared` of models/quant.py).
 * @param sides of the grids, coarse to fine
 * @throws UNSUPPORTED for another number of convolutions than four
 */
export function residualCodes(table: TensorRef, sides: readonly number[], tensors: TensorLookup): ResidualCodesRef {
  const dim = table.shape[1] ?? 0;
  const count = countTensors(tensors, (i) => `${blendName(i)}.weight`, BLENDS + 1);
  if (count !== BLENDS) {
    const what = `${BLENDS} convolutions ${blendName(0).replace(/0$/, "*")} that the scales share`;
    throw expectedBut("UNSUPPORTED", what, table.file, count > BLENDS ? "more" : String(count));
  }
  const blends = Array.from({ length: count }, (_, i) => tensors.linear(blendName(i), [dim, dim, 3, 3]));
  const scales = sides.flatMap((side, i) => {
    const blend = blends[blendOf(i, sides.length)];
    return blend ? [{ side, blend }] : [];
  });
  return { by: "residual", table, scales };
}

/**
 * Which of the convolutions a scale has: the one whose tick is nearest to where the scale stands between 0 and 1. Some ticks are equally
 * near but for their rounding, so that they are computed as numpy.linspace does.
 */
export function blendOf(scale: number, scales: number): number {
  const [start, end] = [1 / 3 / BLENDS, 1 - 1 / 3 / BLENDS];
  const step = (end - start) / (BLENDS - 1);
  const place = scale / (scales - 1);
  let [nearest, least] = [0, Number.POSITIVE_INFINITY];
  for (let i = 0; i < BLENDS; i++) {
    const distance = Math.abs((i + 1 === BLENDS ? end : i * step + start) - place);
    if (distance < least) [nearest, least] = [i, distance];
  }
  return nearest;
}
