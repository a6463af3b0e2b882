import * as z from "zod";
import type { SquarePlan } from "../../image/view-plan.ts";
import { flag, positiveInteger } from "../fields/config-fields.ts";
import type { ImageConsumer } from "./image-processor.ts";
import { type PixelDefaults, type PixelFields, pixelFields, pixelsOf } from "./pixel-fields.ts";

/** The sizes that transformers takes (`get_size_dict`); a pair is [height, width]. */
const sides = { error: "a whole number > 0, { height, width }, { shortest_edge } or { longest_edge }" };
const size = z.union(
  [
    positiveInteger,
    z.tuple([positiveInteger, positiveInteger]).transform(([height, width]) => ({ height, width })),
    z.strictObject({ height: positiveInteger, width: positiveInteger }),
    z.strictObject({ shortest_edge: positiveInteger }),
    z.strictObject({ shortest_edge: positiveInteger, longest_edge: positiveInteger }),
    z.strictObject({ longest_edge: positiveInteger }),
  ],
  sides,
);
type Size = z.infer<typeof size>;

/** The values that a class has of its own. */
export interface SquareDefaults extends PixelDefaults {
  /** What images are resized to: a square of this side, or this shortest edge. */
  readonly size: { readonly side: number } | { readonly shortestEdge: number };
  /** Side of the square that is then cut from the centre; null for none. */
  readonly crop: number | null;
  /** Whether a plain number as size means a square (else the shortest edge). */
  readonly numberIsSquare: boolean;
}

/** The fields of a class that resizes an image to a square, or cuts one out of it. */
export const squareFields = (defaults: SquareDefaults) => ({
  ...pixelFields(defaults),
  size: size.optional(),
  default_to_square: flag.default(defaults.numberIsSquare),
  crop_size: size.optional(),
  do_center_crop: flag.default(defaults.crop !== null),
});

export interface SquareFields extends PixelFields {
  readonly size?: Size | undefined;
  readonly default_to_square: boolean;
  readonly crop_size?: Size | undefined;
  readonly do_center_crop: boolean;
}

const onlySquares = "Only squares are supported: stretched, or cut from the centre.";

/** The square that comes out, and whether the whole image is stretched into it or its centre is cut out. */
export function squarePlan(fields: SquareFields, defaults: SquareDefaults, consumer: ImageConsumer): SquarePlan {
  const { refuse, sizeOr } = consumer;
  const pixels = { background: null, tiling: null, ...pixelsOf(fields) };
  const { side, geometry } = resizedSquare(fields, defaults, consumer);
  if (!fields.do_center_crop) {
    if (geometry === "crop") throw refuse("{ height, width } where nothing is cropped", ["size"], onlySquares);
    requireTrained(side, "size", consumer);
    return { geometry, size: side, resizeTo: side, ...pixels };
  }
  const cropped = squareSide(fields.crop_size ?? sizeOr(defaults.crop ?? side));
  if (cropped === null) throw refuse("a square", ["crop_size"], onlySquares);
  // A larger crop would be padded.
  if (cropped > side) throw refuse(`at most ${side}, the pixels images are resized to,`, ["crop_size"], onlySquares);
  requireTrained(cropped, fields.crop_size === undefined ? "size" : "crop_size", consumer);
  return { geometry, size: cropped, resizeTo: side, ...pixels };
}

/** What images are resized to before anything is cropped. */
export function resizedSquare(
  { size: given, default_to_square: numberIsSquare }: Pick<SquareFields, "size" | "default_to_square">,
  defaults: SquareDefaults,
  { refuse, sizeOr }: ImageConsumer,
): { readonly side: number; readonly geometry: "stretch" | "crop" } {
  if (given === undefined) {
    return "side" in defaults.size
      ? { side: sizeOr(defaults.size.side), geometry: "stretch" }
      : { side: sizeOr(defaults.size.shortestEdge), geometry: "crop" };
  }
  if (typeof given === "number") return { side: given, geometry: numberIsSquare ? "stretch" : "crop" };
  if ("shortest_edge" in given && "longest_edge" in given) {
    throw refuse("{ shortest_edge } without a longest_edge", ["size"], onlySquares);
  }
  if ("shortest_edge" in given) return { side: given.shortest_edge, geometry: "crop" };
  const side = squareSide(given);
  if (side === null) throw refuse("a square", ["size"], onlySquares);
  return { side, geometry: "stretch" };
}

/** The side of a square; null for what is none. A bare number means a square. */
export function squareSide(given: Size): number | null {
  if (typeof given === "number") return given;
  return "height" in given && given.height === given.width ? given.height : null;
}

/** Without interpolated positions the pixels must be as many as the encoder was trained on. */
export function requireTrained(side: number, field: string, { grids, imageSize, refuse }: ImageConsumer): void {
  if (side === imageSize || grids !== "trained") return;
  throw refuse(`${imageSize} pixels, the encoder's image_size,`, [field], onlySquares);
}

/**
 * The square that images are padded to, in the colour of the mean.
 * @throws for a mean that is no colour
 */
export function backgroundOf({ image_mean: mean }: PixelFields, { refuse }: ImageConsumer): Triple8 {
  const [red, green, blue] = mean;
  if (Math.min(red, green, blue) >= 0 && Math.max(red, green, blue) <= 1) {
    return [Math.trunc(red * 255), Math.trunc(green * 255), Math.trunc(blue * 255)];
  }
  throw refuse("three numbers from 0 to 1, the colour that images are padded with,", ["image_mean"]);
}

type Triple8 = NonNullable<SquarePlan["background"]>;
