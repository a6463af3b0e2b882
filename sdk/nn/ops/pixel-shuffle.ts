import { cells, factor, factorKey } from "./cells.ts";
import type { OpKind } from "./op.ts";

/** Each cell of factor x factor tokens, row by row, becomes one token of their widths side by side. */
export interface PixelShuffleOp {
  readonly op: "pixel_shuffle";
  readonly factor: number;
}

export const pixelShuffle: OpKind<PixelShuffleOp, object> = {
  op: "pixel_shuffle",
  fields: { factor },
  widthAfter: ({ factor }, width) => width * factor ** 2,
  build(g, x, { factor }) {
    const { value, columns } = cells(g, x, factor);
    const together = g.transpose(value, [0, 2, 1, 3, 4]); //                [n * R/f, C/f, f, f, d]
    return { value: g.reshape(together, [-1, factor ** 2 * x.width]), columns };
  },
  cellSide: ({ factor }) => factor,
  mmproj: { constants: () => ({}), tensors: () => [], keys: factorKey },
};
