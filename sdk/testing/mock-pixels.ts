import type { CodebookInfo } from "../contract/encoder.ts";
import type { ImageSize, RgbImage, TokenGrid } from "../contract/image.ts";
import { seededRandom } from "../metrics/seeded-random.ts";

/** Pixels on each side of a token. */
export const TOKEN_SIDE = 8;
/** The codes of a token are the colours of strips of it, side by side; a strip is a pixel wide at least. */
export const MAX_CODES_PER_TOKEN = TOKEN_SIDE;

/** How far the pixels of a decoder that samples are moved, at most, in levels of 256. */
const NOISE = 8;

/** Red, green and blue from -1 to 1. */
type Colour = readonly [number, number, number];

/** The mean colour of each token's strips, in raster order: [tokens, strips]. Sides are multiples of `TOKEN_SIDE`. */
export function stripColours({ data, width }: RgbImage, { rows, columns }: TokenGrid, strips: number): Colour[] {
  const colours: Colour[] = [];
  for (let token = 0; token < rows * columns; token++) {
    const top = Math.floor(token / columns) * TOKEN_SIDE;
    const left = (token % columns) * TOKEN_SIDE;
    for (let strip = 0; strip < strips; strip++) {
      const [from, to] = [stripStart(strip, strips), stripStart(strip + 1, strips)];
      const sums: [number, number, number] = [0, 0, 0];
      for (let y = top; y < top + TOKEN_SIDE; y++) {
        for (let x = left + from; x < left + to; x++) {
          const at = (y * width + x) * 3;
          for (const channel of [0, 1, 2] as const) sums[channel] += data[at + channel] ?? 0;
        }
      }
      const scale = 2 / (255 * TOKEN_SIDE * (to - from));
      colours.push([sums[0] * scale - 1, sums[1] * scale - 1, sums[2] * scale - 1]);
    }
  }
  return colours;
}

const stripStart = (strip: number, strips: number): number => Math.floor((strip * TOKEN_SIDE) / strips);

/** Red, green and blue, then the same at half the size, and so on: [colours, dim]. */
export function vectorsOf(colours: readonly Colour[], dim: number): Float32Array {
  const vectors = new Float32Array(colours.length * dim);
  for (const [i, colour] of colours.entries()) {
    for (let d = 0; d < dim; d++) vectors[i * dim + d] = (colour[d % 3] ?? 0) / 2 ** Math.floor(d / 3);
  }
  return vectors;
}

/** The colours that `vectorsOf` was given; of a vector of fewer than three numbers, its last one again. */
export function coloursOf(vectors: Float32Array, dim: number): Colour[] {
  const channel = (i: number, c: number) => vectors[i * dim + Math.min(c, dim - 1)] ?? 0;
  return Array.from({ length: vectors.length / dim }, (_, i) => [channel(i, 0), channel(i, 1), channel(i, 2)]);
}

/** The mean of all vectors, [dim]. */
export function meanVector(vectors: Float32Array, dim: number): Float32Array {
  const mean = new Float32Array(dim);
  for (const [i, value] of vectors.entries()) mean[i % dim] = (mean[i % dim] ?? 0) + (value * dim) / vectors.length;
  return mean;
}

/** The colour of a code: an additive recurrence that fills the cube evenly (Roberts' R3), so that no two are alike. */
export function codeColour(id: number): Colour {
  const g = 1.2207440846057596;
  const at = (power: number) => 2 * (((id + 1) / g ** power) % 1) - 1;
  return [at(1), at(2), at(3)];
}

/** The codebook's rows of `ids`, [ids, dim]. */
export const codeVectors = (ids: Int32Array, dim: number): Float32Array => vectorsOf(Array.from(ids, codeColour), dim);

/** The code nearest to each colour, as vectors of the codebook's width; of equally near ones the first. */
export function nearestCodes(colours: readonly Colour[], { size, dim }: CodebookInfo): Int32Array {
  const vectors = vectorsOf(colours, dim);
  const codes = codeVectors(
    Int32Array.from({ length: size }, (_, id) => id),
    dim,
  );
  return Int32Array.from(colours, (_, i) => {
    let [nearest, least] = [0, Number.POSITIVE_INFINITY];
    for (let id = 0; id < size; id++) {
      let distance = 0;
      for (let d = 0; d < dim; d++) distance += ((vectors[i * dim + d] ?? 0) - (codes[id * dim + d] ?? 0)) ** 2;
      if (distance < least) [nearest, least] = [id, distance];
    }
    return nearest;
  });
}

/** Paints each token's strips in their colours: [tokens, strips]. `seed` moves each pixel a little; null moves none. */
export function paint(colours: readonly Colour[], grid: TokenGrid, strips: number, seed: number | null): RgbImage {
  const { width, height } = sizeOf(grid);
  const data = new Uint8Array(width * height * 3);
  const random = seed === null ? null : seededRandom(seed);
  for (let at = 0; at < data.length; at++) {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
    const token = Math.floor(y / TOKEN_SIDE) * grid.columns + Math.floor(x / TOKEN_SIDE);
    const strip = Math.floor((((x % TOKEN_SIDE) + 1) * strips - 1) / TOKEN_SIDE);
    const colour = colours[token * strips + strip]?.[at % 3] ?? 0;
    const noise = random ? (random() * 2 - 1) * NOISE : 0;
    data[at] = Math.round(Math.min(255, Math.max(0, (colour + 1) * 127.5 + noise)));
  }
  return { data, width, height };
}

/** The pixels of a grid of tokens. */
export const sizeOf = ({ rows, columns }: TokenGrid): ImageSize => ({
  width: columns * TOKEN_SIDE,
  height: rows * TOKEN_SIDE,
});
