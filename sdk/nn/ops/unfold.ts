import { cells, factor } from "./cells.ts";
import type { OpKind } from "./op.ts";

/** Each cell of factor x factor tokens becomes one token, number by number: those of one channel side by side (torch's `unfold`). */
export interface UnfoldOp {
  readonly op: "unfold";
  readonly factor: number;
}

export const unfold: OpKind<UnfoldOp> = {
  op: "unfold",
  fields: { factor },
  widthAfter: ({ factor }, width) => width * factor ** 2,
  build(g, x, { factor }) {
    const { value, columns } = cells(g, x, factor);
    const together = g.transpose(value, [0, 2, 4, 1, 3]); //                [n * R/f, C/f, d, f, f]
    return { value: g.reshape(together, [-1, factor ** 2 * x.width]), columns };
  },
  cellSide: ({ factor }) => factor,
};
