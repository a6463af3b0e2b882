import { expected } from "../../sdk/kit.ts";
import type { ValueType } from "../command/value-types.ts";

/** How pictures lie in one file. */
export interface PictureGrid {
  readonly rows: number;
  readonly columns: number;
}

/** Rows and columns, each from 1 to 99. */
export const pictureGrid: ValueType<PictureGrid> = {
  hint: "3x3",
  read(given, option) {
    const [, rows, columns] = /^(\d{1,2})x(\d{1,2})$/.exec(given) ?? [];
    const grid = { rows: Number(rows), columns: Number(columns) };
    if (grid.rows >= 1 && grid.columns >= 1) return grid;
    throw expected("INVALID_ARGUMENT", 'rows and columns such as "3x3"', option, given);
  },
};
