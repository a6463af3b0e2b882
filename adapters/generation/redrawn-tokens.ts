import type { ImageInput, TokenGrid } from "../../sdk/index.ts";
import { type AlphaPlane, expectedBut, ownTurn, readAlpha } from "../../sdk/kit.ts";
import type { GeneratorTokenizer } from "./load-options.ts";

const OPAQUE = 255;
/** Of a pixel, by which an edge that lies between two of them may be off. */
const ROUNDING = 1e-6;

/**
 * The tokens that a mask has drawn anew: [rows * columns], true where any pixel that the token is made from is not fully
 * opaque. Without a mask the image's own transparency counts; where it has none, every token is drawn anew.
 * @param image one that the tokenizer has encoded, so that its size is within the limits
 * @throws INVALID_ARGUMENT for a mask of another size or without a transparent pixel; UNSUPPORTED where the tokenizer
 *   does not say what of an image it sees; what reading an image throws
 */
export async function redrawnTokens(
  image: ImageInput,
  mask: ImageInput | undefined,
  grid: TokenGrid,
  tokenizer: GeneratorTokenizer,
): Promise<boolean[]> {
  const own = await readAlpha(image);
  // No mask that fits has more pixels.
  const plane = mask === undefined ? own : await readAlpha(mask, own.width * own.height);
  if (mask !== undefined && (plane.width !== own.width || plane.height !== own.height)) {
    const received = `${plane.width} x ${plane.height}`;
    throw expectedBut(
      "INVALID_ARGUMENT",
      `${own.width} x ${own.height} pixels, as its image has,`,
      "the mask",
      received,
    );
  }
  const transparent = await transparentCells(plane, grid, tokenizer);
  if (transparent.includes(true)) return transparent;
  if (mask === undefined) return transparent.fill(true);
  const mend = "Transparent pixels say what is drawn anew; black and white ones say nothing.";
  throw expectedBut("INVALID_ARGUMENT", "a transparent pixel that the encoder sees", "the mask", "none", mend);
}

async function transparentCells(
  { alpha, width, height }: AlphaPlane,
  { rows, columns }: TokenGrid,
  tokenizer: GeneratorTokenizer,
): Promise<boolean[]> {
  const cells = Array.from({ length: rows * columns }, () => false);
  if (alpha === null) return cells;
  if (tokenizer.seenRegion === undefined) {
    const received = `${tokenizer.info.modelId}, which does not`;
    throw expectedBut("UNSUPPORTED", "a tokenizer that says what of an image it sees", "a mask", received);
  }
  const seen = tokenizer.seenRegion({ width, height });
  for (let row = 0; row < rows; row++) {
    await ownTurn();
    const [top, bottom] = pixelsOf(seen.top, seen.height, row, rows, height);
    for (let column = 0; column < columns; column++) {
      const [left, right] = pixelsOf(seen.left, seen.width, column, columns, width);
      for (let y = top; y < bottom && !cells[row * columns + column]; y++) {
        const line = alpha.subarray(y * width + left, y * width + right);
        cells[row * columns + column] = line.some((value) => value < OPAQUE);
      }
    }
  }
  return cells;
}

/** The pixels, of `side`, that share `index` of `count` equal parts of a range. */
function pixelsOf(start: number, length: number, index: number, count: number, side: number): [number, number] {
  const edge = (i: number) => start + (length * i) / count;
  const first = Math.floor(edge(index) + ROUNDING);
  const end = Math.ceil(edge(index + 1) - ROUNDING);
  return [Math.max(0, first), Math.min(side, Math.max(0, end))];
}
