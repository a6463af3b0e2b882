import * as z from "zod";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import type { Tokens } from "./op.ts";

/** What the ops share that make one token of each cell of factor x factor tokens. */

export const factor = z.int().min(1).describe("a whole number from 1");

/** The key of an mmproj that says the factor. */
export const factorKey = (data: { readonly factor: number }) => ({
  "clip.vision.projector.scale_factor": data.factor,
});

/** Cells of f x f tokens: [n * R/f, f, C/f, f, d], and C/f. */
export function cells(
  g: GraphBuilder,
  { value, width, columns }: Tokens,
  factor: number,
): { value: Value; columns: Value } {
  const across = g.divide(columns, g.ints([factor]));
  const shape = g.concat([g.ints([-1, factor]), across, g.ints([factor, width])], 0);
  return { value: g.reshapeTo(value, shape), columns: across };
}
