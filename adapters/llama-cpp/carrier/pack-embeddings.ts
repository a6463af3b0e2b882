import type { RgbImage } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import { type Carrier, carrierStep, checkCarrier, patchSize } from "./carrier.ts";

/** Beyond it some image decoders refuse a side. */
const MAX_SIDE = 65_535;

/**
 * Packs embeddings into pixels, one patch for each embedding. The patches lie in raster order on a grid that is as
 * square as their count allows. Save the image without loss, with `encodePng`.
 *
 * @param data [n, carrier.embeddingDim], finite, from -range to below range
 * @throws INVALID_ARGUMENT for a length that is no whole number of embeddings, or a number that cannot be carried
 */
export function packEmbeddings(carrier: Carrier, data: Float32Array): RgbImage {
  checkCarrier(carrier);
  const { embeddingDim, range } = carrier;
  const count = data.length / embeddingDim;
  if (!Number.isInteger(count) || count === 0) {
    const received = `${data.length} numbers`;
    throw expectedBut("INVALID_ARGUMENT", `embeddings of ${embeddingDim} numbers each`, "the embeddings", received);
  }
  const side = patchSize(carrier);
  const rows = squarest(count);
  const columns = count / rows;
  const [width, height] = [columns * side, rows * side];
  if (width > MAX_SIDE) {
    const mend = "Another count of tokens has more even divisors: tile the image otherwise.";
    throw expectedBut("INVALID_ARGUMENT", `sides up to ${MAX_SIDE} pixels`, `${count} embeddings`, `${width}`, mend);
  }
  const pixels = new Uint8Array(width * height * 3);
  const scale = 1 / carrierStep(carrier);
  for (let token = 0; token < count; token++) {
    const top = Math.floor(token / columns) * side;
    const left = (token % columns) * side;
    data.subarray(token * embeddingDim, (token + 1) * embeddingDim).forEach((value, i) => {
      const fixed = Math.round((value + range) * scale);
      if (!(fixed >= 0 && fixed < 2 ** 24)) throw outOfRange(value, token, i, range);
      const at = ((top + Math.floor(i / side)) * width + left + (i % side)) * 3;
      pixels[at] = fixed >>> 16;
      pixels[at + 1] = (fixed >>> 8) & 0xff;
      pixels[at + 2] = fixed & 0xff;
    });
  }
  return { data: pixels, width, height };
}

/** The largest divisor that is not above the square root. */
function squarest(count: number): number {
  let rows = Math.floor(Math.sqrt(count));
  while (count % rows !== 0) rows--;
  return rows;
}

function outOfRange(value: number, token: number, i: number, range: number) {
  const mend = Number.isFinite(value)
    ? `Write a carrier of a larger range: vqrae carrier --range ${2 ** Math.ceil(Math.log2(Math.abs(value) * 2))}.`
    : "The projector or the image gives numbers that are not finite.";
  const subject = `number ${i} of embedding ${token}`;
  return expected("INVALID_ARGUMENT", `a number from -${range} to below ${range}`, subject, value, mend);
}
