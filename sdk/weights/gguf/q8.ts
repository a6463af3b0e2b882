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
  const out = new DataView(new ArrayBuffer(blocks * BYTES));
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const of = values.subarray(block * ELEMENTS, (block + 1) * ELEMENTS);
    let largest = 0;
    for (const value of of) largest = Math.max(largest, Math.abs(value));
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    scales[block] = scale;
    of.forEach((value, i) => {
      const scaled = Math.fround(value * inverse);
      out.setInt8(block * BYTES + 2 + i, Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5)); // roundf
    });
  }
  narrowF16(scales).forEach((half, block) => {
    out.setUint16(block * BYTES, half, true);
  });
  return new Uint8Array(out.buffer);
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
