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
