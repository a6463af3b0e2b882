/**
 * Conversions between 16-bit floats (as their bits) and Float32Array. Plain loops: `from` with a callback takes a hundred
 * times as long, and a model has billions of them.
 */

/** Every F16 value by its bits; 256 kB, made on first use. */
let halves: Float32Array | undefined;

/** IEEE 754 binary16 bits -> float32, exact for all 65,536 values. */
export function widenF16(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 0x10000 }, (_, half) => halfValue(half));
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = halves[bits[i] ?? 0] ?? 0;
  return values;
}

/** bfloat16 bits -> float32: they are its upper half. */
export function widenBF16(bits: Uint16Array): Float32Array {
  const full = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) full[i] = (bits[i] ?? 0) << 16;
  return new Float32Array(full.buffer);
}

function halfValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** float32 -> IEEE 754 binary16 bits, to the nearest, ties to even; too large becomes infinity. */
export function narrowF16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = halfBits(bits[i] ?? 0);
  return halves;
}

function halfBits(full: number): number {
  const sign = (full >>> 16) & 0x8000;
  const size = full & 0x7fff_ffff;
  if (size > 0x7f80_0000) return sign | 0x7e00; // NaN
  if (size >= 0x4780_0000) return sign | 0x7c00; // 2^16 and more
  if (size >= 0x3880_0000) return sign | roundShift(size - 0x3800_0000, 13); // normal; may carry into infinity
  if (size < 0x3300_0000) return sign; // below 2^-25: zero
  // Subnormal: the fraction with its leading one, shifted so that it counts 2^-24.
  return sign | roundShift((size & 0x007f_ffff) | 0x0080_0000, 126 - (size >>> 23));
}

/** float32 -> bfloat16 bits, to the nearest, ties to even. */
export function narrowBF16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const full = bits[i] ?? 0;
    const size = full & 0x7fff_ffff;
    // NaN stays NaN.
    halves[i] = size > 0x7f80_0000 ? (full >>> 16) | 0x40 : ((full >>> 16) & 0x8000) | roundShift(size, 16);
  }
  return halves;
}

/** `value` / 2^`by`, to the nearest, ties to even; `value` is at most 0x7f800000. */
function roundShift(value: number, by: number): number {
  const odd = (value >>> by) & 1;
  return (value + (1 << (by - 1)) - 1 + odd) >>> by;
}
