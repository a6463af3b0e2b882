import { expectedBut } from "../../errors.ts";
import { narrowF16, widenF16 } from "../half.ts";

/** Q8_0: blocks of 32 elements, an F16 scale and 32 signed bytes (ggml-quants.c, `quantize_row_q8_0_ref`). */
const ELEMENTS = 32;
const BYTES = 2 + ELEMENTS;

/** @throws INVALID_ARGUMENT for values that make no whole blocks */
export function quantizeQ8(values: Float32Array): Uint8Array {
  if (values.length % ELEMENTS !== 0) {
    throw expectedBut("INVALID_ARGUMENT", `a multiple of ${ELEMENTS} values`, "Q8_0", `${values.length}`);
  }
  const blocks = values.length / ELEMENTS;
  const bytes = new Uint8Array(blocks * BYTES);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const from = block * ELEMENTS;
    let largest = 0;
    for (let i = from; i < from + ELEMENTS; i++) largest = Math.max(largest, Math.abs(values[i] ?? 0));
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    scales[block] = scale;
    const to = block * BYTES + 2;
    for (let i = 0; i < ELEMENTS; i++) {
      const scaled = Math.fround((values[from + i] ?? 0) * inverse);
      bytes[to + i] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5); // roundf
    }
  }
  const halves = narrowF16(scales);
  for (let block = 0; block < blocks; block++) {
    const half = halves[block] ?? 0;
    bytes[block * BYTES] = half & 0xff;
    bytes[block * BYTES + 1] = half >>> 8;
  }
  return bytes;
}

export function dequantizeQ8(bytes: Uint8Array): Float32Array {
  const blocks = bytes.length / BYTES;
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const scales = widenF16(Uint16Array.from({ length: blocks }, (_, block) => data.getUint16(block * BYTES, true)));
  const values = new Float32Array(blocks * ELEMENTS);
  scales.forEach((scale, block) => {
    for (let i = 0; i < ELEMENTS; i++) values[block * ELEMENTS + i] = scale * data.getInt8(block * BYTES + 2 + i);
  });
  return values;
}
