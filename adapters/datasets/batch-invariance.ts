import type { Encoder, RgbImage } from "../../sdk/index.ts";
import { expectedBut, seededRandom } from "../../sdk/kit.ts";

const SIDE = 96;
const PROBES = 6;
const checked = new WeakMap<Encoder, Promise<void>>();

/**
 * Encodes a few made pictures alone, together and in another order, and refuses an encoder whose ids or features depend on the
 * images that share its batch, as those of a scale over the whole batch do: the rows of a data set would depend on who ran it.
 * It looks once at each encoder.
 * @throws UNSUPPORTED
 */
export function requireBatchInvariance(encoder: Encoder): Promise<void> {
  const found = checked.get(encoder) ?? check(encoder);
  checked.set(encoder, found);
  found.catch(() => checked.delete(encoder));
  return found;
}

async function check(encoder: Encoder): Promise<void> {
  const pictures = Array.from({ length: PROBES }, (_, seed) => picture(seed + 1));
  const together = await encoder.encode(pictures);
  const reversed = (await encoder.encode(pictures.toReversed())).reverse();
  for (const [i, picture] of pictures.entries()) {
    const alone = await encoder.encode(picture);
    for (const other of [together[i], reversed[i]]) {
      if (equal(alone.ids, other?.ids) && equal(alone.features, other?.features)) continue;
      throw expectedBut(
        "UNSUPPORTED",
        "a tokenizer that gives an image the same numbers alone and among others",
        "a data set",
        `${encoder.info.modelId} on ${encoder.info.device} in ${encoder.info.precision}, whose numbers depend on the batch`,
        "Use fp32 on the CPU, or a batch of one.",
      );
    }
  }
}

function equal(a: ArrayLike<number> | undefined, b: ArrayLike<number> | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && Array.prototype.every.call(a, (value, i) => Object.is(value, b[i]));
}

/** Blobs of colour of different contrast, so that a scale over the batch differs from that of one. */
function picture(seed: number): RgbImage {
  const random = seededRandom(seed);
  const [contrast, fx, fy] = [seed / PROBES, 1 + random() * 6, 1 + random() * 6];
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.trunc(i / 3);
    const wave = Math.sin((fx * (pixel % SIDE)) / SIDE + (i % 3)) * Math.cos((fy * Math.trunc(pixel / SIDE)) / SIDE);
    data[i] = Math.round(127.5 + contrast * 100 * wave + contrast * 27 * (random() - 0.5));
  }
  return { data, width: SIDE, height: SIDE };
}
