import { expected, expectedBut } from "../errors.ts";
import { zip } from "../zip.ts";

/** What one layer of a network says about one image. */
export interface TapActivations {
  /** [positions, channels], row-major. */
  readonly data: Float32Array;
  readonly channels: number;
}

/** Keeps the length of an all-zero position from dividing by zero; as LPIPS and the trainer's losses/mobilenet.py. */
const EPSILON = 1e-10;

/**
 * How far apart a network finds two images. Each activation is brought to length 1 over its channels. Of each tap it is
 * the mean over positions of the squared distance between the two activations; then the mean over taps. It has LPIPS's
 * form without LPIPS's learned weights and networks, so never call it LPIPS: name the network and the taps beside the
 * number.
 * @throws INVALID_ARGUMENT where the two images' taps differ in number or shape
 */
export function perceptualDistance(a: readonly TapActivations[], b: readonly TapActivations[]): number {
  if (a.length === 0) throw expectedBut("INVALID_ARGUMENT", "at least one tap", "a perceptual distance", "none");
  if (b.length !== a.length) throw expected("INVALID_ARGUMENT", `${a.length} taps`, "the second image", b.length);
  return zip(a, b).reduce((sum, [first, second], i) => sum + tapDistance(first, second, i), 0) / a.length;
}

function tapDistance(a: TapActivations, b: TapActivations, index: number): number {
  const { channels, data } = a;
  if (!Number.isSafeInteger(channels) || channels < 1 || data.length === 0 || data.length % channels !== 0) {
    throw expected("INVALID_ARGUMENT", "[positions, channels] numbers", `tap ${index}`, data);
  }
  if (b.channels !== channels || b.data.length !== data.length) {
    const shape = `[${b.data.length / b.channels}, ${b.channels}]`;
    throw expectedBut(
      "INVALID_ARGUMENT",
      `[${data.length / channels}, ${channels}]`,
      `tap ${index} of the second`,
      shape,
    );
  }
  let sum = 0;
  for (let start = 0; start < data.length; start += channels) {
    const scaleA = 1 / lengthOf(data, start, channels);
    const scaleB = 1 / lengthOf(b.data, start, channels);
    for (let i = start; i < start + channels; i++) sum += (data[i]! * scaleA - b.data[i]! * scaleB) ** 2;
  }
  return sum / (data.length / channels);
}

function lengthOf(data: Float32Array, start: number, count: number): number {
  let squares = EPSILON;
  for (let i = start; i < start + count; i++) {
    const value = data[i]!;
    squares += value * value;
  }
  return Math.sqrt(squares);
}
