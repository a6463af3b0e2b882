/** Conversions between 16-bit floats (as their bits) and Float32Array. */

/** Every F16 value by its bits; 256 kB, made on first use. */
let halves: Float32Array | undefined;

/** IEEE 754 binary16 bits -> float32, exact for all 65,536 values. */
export function widenF16(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 0x10000 }, (_, half) => halfValue(half));
  const table = halves;
  return Float32Array.from(bits, (half) => table[half]!);
}

/** bfloat16 bits -> float32: they are its upper half. */
export function widenBF16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
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
  return Uint16Array.from(bits, (full) => {
    const sign = (full >>> 16) & 0x8000;
    const size = full & 0x7fff_ffff;
    if (size > 0x7f80_0000) return sign | 0x7e00; // NaN
    if (size >= 0x4780_0000) return sign | 0x7c00; // 2^16 and more
    if (size >= 0x3880_0000) return sign | roundShift(size - 0x3800_0000, 13); // normal; may carry into infinity
    if (size < 0x3300_0000) return sign; // below 2^-25: zero
    // Subnormal: the fraction with its leading one, shifted so that it counts 2^-24.
    return sign | roundShift((size & 0x007f_ffff) | 0x0080_0000, 126 - (size >>> 23));
  });
}

/** float32 -> bfloat16 bits, to the nearest, ties to even. */
export function narrowBF16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (full) => {
    if ((full & 0x7fff_ffff) > 0x7f80_0000) return (full >>> 16) | 0x40; // NaN stays NaN
    return ((full >>> 31) << 15) | roundShift(full & 0x7fff_ffff, 16);
  });
}

/** `value` / 2^`by`, to the nearest, ties to even. */
function roundShift(value: number, by: number): number {
  const half = 2 ** (by - 1);
  const rest = value % (2 * half);
  const down = (value - rest) / (2 * half);
  return rest > half || (rest === half && down % 2 === 1) ? down + 1 : down;
}
