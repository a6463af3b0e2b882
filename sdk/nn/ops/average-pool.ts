import { cells, factor, factorKey } from "./cells.ts";
import type { OpKind } from "./op.ts";

/** Each cell of factor x factor tokens becomes its mean. */
export interface AveragePoolOp {
  readonly op: "average_pool";
  readonly factor: number;
}

export const averagePool: OpKind<AveragePoolOp, object> = {
  op: "average_pool",
  fields: { factor },
  widthAfter: (_, width) => width,
  build(g, x, { factor }) {
    const { value, columns } = cells(g, x, factor);
    return { value: g.reshape(g.mean(value, [1, 3]), [-1, x.width]), columns };
  },
  cellSide: ({ factor }) => factor,
  mmproj: { constants: () => ({}), tensors: () => [], keys: factorKey },
};
