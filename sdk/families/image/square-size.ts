import type { Geometry } from "../../image/view-plan.ts";
import type { SquareProcessor } from "./image-processors.ts";
import type { ProcessorFields, Sizes } from "./processor-fields.ts";

export interface SquareSize {
  readonly size: number;
  readonly resizeTo: number;
  readonly geometry: Geometry;
}

/**
 * The square that comes out, and whether the whole image is stretched into it or its centre is cut out.
 *
 * @throws what `refuse` makes of a size that is no square
 */
export function squareSize(
  fields: ProcessorFields,
  processor: SquareProcessor,
  encoderSize: number,
  refuse: (field: "size" | "crop_size", what: string) => Error,
): SquareSize {
  const resized = extent(fields.size ?? square(processor.size ?? encoderSize), processor.numberIsSquare);
  if (!resized) throw refuse("size", "a square");
  const crops = fields.do_center_crop ?? processor.crop !== null;
  if (!crops) {
    if (resized.geometry === "crop") throw refuse("size", "{ height, width } where nothing is cropped");
    return { ...resized, resizeTo: resized.size };
  }
  // A bare number as crop size always means a square.
  const cropped = extent(fields.crop_size ?? square(processor.crop ?? resized.size), true);
  if (cropped?.geometry !== "stretch") throw refuse("crop_size", "a square");
  // A larger crop would be padded.
  if (cropped.size > resized.size)
    throw refuse("crop_size", `at most ${resized.size}, the pixels images are resized to,`);
  return { size: cropped.size, resizeTo: resized.size, geometry: resized.geometry };
}

const square = (side: number): Sizes => ({ height: side, width: side });

/** The side and the kind of resize that a size stands for; null for what is not a square. */
function extent(size: Sizes, numberIsSquare: boolean): { size: number; geometry: Geometry } | null {
  if (typeof size === "number") return { size, geometry: numberIsSquare ? "stretch" : "crop" };
  if ("shortest_edge" in size) return { size: size.shortest_edge as number, geometry: "crop" };
  if (!("height" in size)) return null;
  return size.height === size.width ? { size: size.height as number, geometry: "stretch" } : null;
}
