// The inner loops of Pillow's 8-bit resize (src/libImaging/Resample.c) for RGB, with 128-bit SIMD. AssemblyScript.
// sdk/image/resize/resize-wasm.ts lays out the memory; scripts/build-wasm.ts compiles this file. A table of windows holds
// (first source position, length) as two i32 each; weights are in fixed point with PRECISION_BITS fractional bits.

const PRECISION_BITS: i32 = 22;
const HALF: i32 = 1 << (PRECISION_BITS - 1);
/** A weight of the horizontal pass is `high * 2^LOW_BITS + low`: products of 16 bits are added in pairs by one instruction. */
const LOW_BITS: i32 = 11;

/**
 * Resizes `rows` rows of RGB bytes to `count` pixels each. Rows of `source` are `sourceStride` bytes apart, rows of
 * `target` `targetStride`. Windows read source pixels [first, end). `planes` has room for three colours of `planeStride` bytes,
 * in which the pixels of one row take 16 bits each. Weights come in blocks of eight, zeros at the end of a window: eight high
 * halves, then eight low ones, of 16 bits. A window has `blocks` of them. Reads up to 24 bytes beyond the last pixel of `source`.
 */
export function horizontal(
  source: usize,
  sourceStride: usize,
  target: usize,
  targetStride: usize,
  rows: i32,
  planes: usize,
  planeStride: usize,
  first: i32,
  end: i32,
  bounds: usize,
  weights: usize,
  blocks: i32,
  count: i32,
): void {
  const greens = planes + planeStride;
  const blues = greens + planeStride;
  for (let y = 0; y < rows; y++) {
    separate(source + <usize>first * 3, planes, greens, blues, end - first);
    let out = target;
    for (let i = 0; i < count; i++) {
      let at = (<usize>(load<i32>(bounds + ((<usize>i) << 3)) - first)) << 1;
      let weight = weights + ((<usize>i * <usize>blocks) << 5);
      const length = load<i32>(bounds + ((<usize>i) << 3), 4);
      let redHigh = i32x4.splat(0);
      let redLow = i32x4.splat(0);
      let greenHigh = i32x4.splat(0);
      let greenLow = i32x4.splat(0);
      let blueHigh = i32x4.splat(0);
      let blueLow = i32x4.splat(0);
      for (let k = 0; k < length; k += 8) {
        const high = v128.load(weight);
        const low = v128.load(weight, 16);
        const red = v128.load(planes + at);
        const green = v128.load(greens + at);
        const blue = v128.load(blues + at);
        redHigh = i32x4.add(redHigh, i32x4.dot_i16x8_s(red, high));
        redLow = i32x4.add(redLow, i32x4.dot_i16x8_s(red, low));
        greenHigh = i32x4.add(greenHigh, i32x4.dot_i16x8_s(green, high));
        greenLow = i32x4.add(greenLow, i32x4.dot_i16x8_s(green, low));
        blueHigh = i32x4.add(blueHigh, i32x4.dot_i16x8_s(blue, high));
        blueLow = i32x4.add(blueLow, i32x4.dot_i16x8_s(blue, low));
        at += 16;
        weight += 32;
      }
      const red = i32x4.add(i32x4.shl(redHigh, LOW_BITS), redLow);
      const green = i32x4.add(i32x4.shl(greenHigh, LOW_BITS), greenLow);
      const blue = i32x4.add(i32x4.shl(blueHigh, LOW_BITS), blueLow);
      // The four parts of each sum: first in pairs, then red, green, blue beside each other.
      const redGreen = i32x4.add(v128.shuffle<i32>(red, green, 0, 4, 1, 5), v128.shuffle<i32>(red, green, 2, 6, 3, 7));
      const bluePairs = i32x4.add(blue, v128.shuffle<i32>(blue, blue, 2, 3, 2, 3));
      const rgb = i32x4.add(
        v128.shuffle<i32>(redGreen, bluePairs, 0, 1, 4, 4),
        v128.shuffle<i32>(redGreen, bluePairs, 2, 3, 5, 5),
      );
      const sum = i32x4.shr_s(i32x4.add(rgb, i32x4.splat(HALF)), PRECISION_BITS);
      const bytes = toBytes(sum, sum, sum, sum);
      v128.store16_lane(out, bytes, 0);
      v128.store8_lane(out, bytes, 2, 2);
      out += 3;
    }
    source += sourceStride;
    target += targetStride;
  }
}

/** Writes `count` RGB pixels as 16 bits each, eight at a time, each colour for itself. */
function separate(pixels: usize, reds: usize, greens: usize, blues: usize, count: i32): void {
  for (let i = 0; i < count; i += 8) {
    const a = v128.load(pixels); // bytes 0 to 15 of 24
    const b = v128.load(pixels, 8); // bytes 8 to 23
    const at = (<usize>i) << 1;
    v128.store(
      reds + at,
      v128.or(
        i8x16.swizzle(a, i8x16(0, -1, 3, -1, 6, -1, 9, -1, 12, -1, 15, -1, -1, -1, -1, -1)),
        i8x16.swizzle(b, i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 10, -1, 13, -1)),
      ),
    );
    v128.store(
      greens + at,
      v128.or(
        i8x16.swizzle(a, i8x16(1, -1, 4, -1, 7, -1, 10, -1, 13, -1, -1, -1, -1, -1, -1, -1)),
        i8x16.swizzle(b, i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 8, -1, 11, -1, 14, -1)),
      ),
    );
    v128.store(
      blues + at,
      v128.or(
        i8x16.swizzle(a, i8x16(2, -1, 5, -1, 8, -1, 11, -1, 14, -1, -1, -1, -1, -1, -1, -1)),
        i8x16.swizzle(b, i8x16(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 9, -1, 12, -1, 15, -1)),
      ),
    );
    pixels += 24;
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
