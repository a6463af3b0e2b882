// The inner loops of Pillow's 8-bit resize (src/libImaging/Resample.c) for RGB, with 128-bit SIMD. AssemblyScript.
// sdk/image/resize/resize-wasm.ts lays out the memory; scripts/build-wasm.ts compiles this file. A table of windows holds
// (first source position, length) as two i32 each; weights are i32 in fixed point with PRECISION_BITS fractional bits.

const PRECISION_BITS: i32 = 22;
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/**
 * Resizes `rows` rows of RGB bytes to `count` pixels each. Rows of `source` are `sourceStride` bytes apart, rows of
 * `target` `targetStride`. Reads up to 4 bytes beyond the last pixel of `source`.
 */
export function horizontal(
  source: usize,
  sourceStride: usize,
  target: usize,
  targetStride: usize,
  rows: i32,
  bounds: usize,
  weights: usize,
  taps: i32,
  count: i32,
): void {
  for (let y = 0; y < rows; y++) {
    let out = target;
    for (let i = 0; i < count; i++) {
      let pixel = source + <usize>load<i32>(bounds + ((<usize>i) << 3)) * 3;
      let weight = weights + ((<usize>i * <usize>taps) << 2);
      const length = load<i32>(bounds + ((<usize>i) << 3), 4);
      // Two sums let neighbouring multiplications overlap. Lanes: red, green, blue, unused.
      let even = i32x4.splat(HALF);
      let odd = i32x4.splat(0);
      let k = 0;
      for (; k + 4 <= length; k += 4) {
        const pixels = v128.load(pixel);
        const four = v128.load(weight);
        const p0 = i8x16.swizzle(pixels, i8x16(0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, -1, -1, -1, -1));
        const p1 = i8x16.swizzle(pixels, i8x16(3, -1, -1, -1, 4, -1, -1, -1, 5, -1, -1, -1, -1, -1, -1, -1));
        const p2 = i8x16.swizzle(pixels, i8x16(6, -1, -1, -1, 7, -1, -1, -1, 8, -1, -1, -1, -1, -1, -1, -1));
        const p3 = i8x16.swizzle(pixels, i8x16(9, -1, -1, -1, 10, -1, -1, -1, 11, -1, -1, -1, -1, -1, -1, -1));
        even = i32x4.add(even, i32x4.mul(p0, v128.shuffle<i32>(four, four, 0, 0, 0, 0)));
        odd = i32x4.add(odd, i32x4.mul(p1, v128.shuffle<i32>(four, four, 1, 1, 1, 1)));
        even = i32x4.add(even, i32x4.mul(p2, v128.shuffle<i32>(four, four, 2, 2, 2, 2)));
        odd = i32x4.add(odd, i32x4.mul(p3, v128.shuffle<i32>(four, four, 3, 3, 3, 3)));
        pixel += 12;
        weight += 16;
      }
      for (; k < length; k++) {
        const rgb = i16x8.extend_low_i8x16_u(v128.load32_zero(pixel));
        even = i32x4.add(even, i32x4.mul(i32x4.extend_low_i16x8_u(rgb), v128.load32_splat(weight)));
        pixel += 3;
        weight += 4;
      }
      const sum = i32x4.shr_s(i32x4.add(even, odd), PRECISION_BITS);
      const bytes = toBytes(sum, sum, sum, sum);
      v128.store16_lane(out, bytes, 0);
      v128.store8_lane(out, bytes, 2, 2);
      out += 3;
    }
    source += sourceStride;
    target += targetStride;
  }
}

/**
 * Adds source rows [first, first + rows), which lie at `source`, to the sums of the `count` output rows. A row is
 * `stride` values, a multiple of 16: bytes in `source`, i32 in `sums`. Sums start at zero.
 */
export function vertical(
  source: usize,
  first: i32,
  rows: i32,
  stride: i32,
  sums: usize,
  bounds: usize,
  weights: usize,
  taps: i32,
  count: i32,
): void {
  for (let i = 0; i < count; i++, bounds += 8, weights += (<usize>taps) << 2, sums += (<usize>stride) << 2) {
    const windowFirst = load<i32>(bounds);
    const from = max(windowFirst, first);
    const to = min(windowFirst + load<i32>(bounds, 4), first + rows);
    if (from >= to) continue;
    const firstWeight = weights + ((<usize>(from - windowFirst)) << 2);
    for (let x = 0; x < stride; x += 16) {
      const at = sums + ((<usize>x) << 2);
      let a = v128.load(at);
      let b = v128.load(at, 16);
      let c = v128.load(at, 32);
      let d = v128.load(at, 48);
      let bytes = source + <usize>(from - first) * <usize>stride + <usize>x;
      let weight = firstWeight;
      for (let y = from; y < to; y++, bytes += stride, weight += 4) {
        const factor = v128.load32_splat(weight);
        const values = v128.load(bytes);
        const low = i16x8.extend_low_i8x16_u(values);
        const high = i16x8.extend_high_i8x16_u(values);
        a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), factor));
        b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), factor));
        c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), factor));
        d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), factor));
      }
      v128.store(at, a);
      v128.store(at, b, 16);
      v128.store(at, c, 32);
      v128.store(at, d, 48);
    }
  }
}

/** Rounds `count` sums (a multiple of 16) to bytes, in place: byte i replaces the sum at 4 i, which was read before. */
export function finish(sums: usize, count: i32): void {
  const half = i32x4.splat(HALF);
  let at = sums;
  for (let i = 0; i < count; i += 16, at += 64) {
    const a = i32x4.shr_s(i32x4.add(v128.load(at), half), PRECISION_BITS);
    const b = i32x4.shr_s(i32x4.add(v128.load(at, 16), half), PRECISION_BITS);
    const c = i32x4.shr_s(i32x4.add(v128.load(at, 32), half), PRECISION_BITS);
    const d = i32x4.shr_s(i32x4.add(v128.load(at, 48), half), PRECISION_BITS);
    v128.store(sums + <usize>i, toBytes(a, b, c, d));
  }
}

/** Four i32 each, saturated to sixteen bytes in [0, 255]. */
function toBytes(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}
