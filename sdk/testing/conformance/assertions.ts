import { AssertionError } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import type { ImageEmbeddings } from "../../contract/embedder.ts";
import type { ImageIds, ImageTokens } from "../../contract/encoder.ts";
import type { ImageSize, RgbImage } from "../../contract/image.ts";
import { describe, VqraeError, type VqraeErrorCode } from "../../errors.ts";

/** Fails the test. The message says what was called, what was expected of it and what came. */
export function fail(message: string): never {
  throw new AssertionError({ message });
}

export function check(condition: unknown, message: string): asserts condition {
  if (!condition) fail(message);
}

export function equal(actual: unknown, wanted: unknown, what: string): void {
  if (isDeepStrictEqual(actual, wanted)) return;
  fail(`${what}: expected ${shown(wanted)} but received ${shown(actual)}`);
}

const shown = (value: unknown): string =>
  typeof value === "object" && value !== null && !ArrayBuffer.isView(value) ? JSON.stringify(value) : describe(value);

/** Whole and from 1. */
export function positive(value: unknown, what: string): asserts value is number {
  check(
    Number.isInteger(value) && Number(value) >= 1,
    `${what}: expected a whole number from 1 but received ${describe(value)}`,
  );
}

/** Whether two lists of numbers are equal, or differ by `tolerance` at most, relative to numbers above 1. */
export function sameNumbers(
  actual: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  equal(actual.length, wanted.length, `${what}: how many there are`);
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [Number(actual[i]), Number(wanted[i])];
    if (Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))) continue;
    fail(`${what}: number ${i} is ${a} in one call and ${b} in another${tolerance ? ` (tolerance ${tolerance})` : ""}`);
  }
}

/** Whether the caller's memory is as it was before the call. */
export function untouched(actual: ArrayLike<number>, before: ArrayLike<number>, what: string): void {
  equal(actual.length, before.length, `${what}: how many numbers there are`);
  for (let i = 0; i < before.length; i++) {
    if (actual[i] !== before[i]) fail(`${what}: number ${i} was ${before[i]} and is ${actual[i]}`);
  }
}

export function sameTokens(
  actual: ImageTokens<ImageIds>,
  wanted: ImageTokens<ImageIds>,
  tolerance: number,
  what: string,
): void {
  equal(Object.keys(actual).sort(), Object.keys(wanted).sort(), `${what}: the fields of the result`);
  equal({ ...actual.grid }, { ...wanted.grid }, `${what}: grid`);
  // Ids first: features that differ are the cause of it, ids that differ are what matters.
  sameNumbers(actual.ids ?? [], wanted.ids ?? [], 0, `${what}: ids`);
  sameNumbers(actual.features ?? [], wanted.features ?? [], tolerance, `${what}: features`);
  sameNumbers(actual.classToken ?? [], wanted.classToken ?? [], tolerance, `${what}: classToken`);
}

export function sameEmbeddings(
  actual: ImageEmbeddings,
  wanted: ImageEmbeddings,
  tolerance: number,
  what: string,
): void {
  const outline = ({ segments, embeddingDim, tokens }: ImageEmbeddings) => ({
    segments: segments.map((one) => (one.type === "text" ? one : { ...one, data: one.data.length })),
    embeddingDim,
    tokens,
  });
  equal(outline(actual), outline(wanted), `${what}: segments`);
  for (const [i, segment] of wanted.segments.entries()) {
    const other = actual.segments[i];
    if (segment.type === "text" || other?.type !== "embeddings") continue;
    sameNumbers(other.data, segment.data, tolerance, `${what}: segments[${i}].data`);
  }
}

export function samePixels(actual: RgbImage, wanted: RgbImage, tolerance: number, what: string): void {
  equal([actual.width, actual.height], [wanted.width, wanted.height], `${what}: width and height`);
  for (const [i, value] of wanted.data.entries()) {
    if (Math.abs(Number(actual.data[i]) - value) <= tolerance) continue;
    fail(`${what}: byte ${i} is ${actual.data[i]} in one call and ${value} in another`);
  }
}

/** 8-bit RGB pixels, of `size` where that is known. */
export function rgbImage(image: RgbImage, size: ImageSize | null, what: string): void {
  const { data, width, height } = image;
  positive(width, `${what}: width`);
  positive(height, `${what}: height`);
  check(
    data instanceof Uint8Array || data instanceof Uint8ClampedArray,
    `${what}: expected data to be a Uint8Array but received ${describe(data)}`,
  );
  equal(data.length, width * height * 3, `${what}: bytes of data, three a pixel`);
  if (size) equal({ width, height }, { width: size.width, height: size.height }, `${what}: its size`);
}

/** Calls `call`, which must resolve. */
export async function resolves<T>(call: () => Promise<T>, what: string): Promise<T> {
  try {
    return await call();
  } catch (error) {
    fail(`${what}: expected a result but received ${named(error)}`);
  }
}

/** Calls `call`, which must reject with a `VqraeError` of one of `codes`. */
export async function refuses(
  call: () => Promise<unknown>,
  codes: readonly VqraeErrorCode[],
  what: string,
): Promise<VqraeError> {
  const error = await rejection(call, `a rejection with ${codes.join(" or ")}`, what);
  if (!VqraeError.isInstance(error)) {
    fail(`${what}: expected a VqraeError with code ${codes.join(" or ")} but received ${named(error)}`);
  }
  check(
    codes.includes(error.code),
    `${what}: expected the code ${codes.join(" or ")} but received ${error.code}: ${error.message}`,
  );
  return error;
}

/** Calls `call`, which must reject with `reason` itself. */
export async function rejectsWith(call: () => Promise<unknown>, reason: unknown, what: string): Promise<void> {
  const error = await rejection(call, "a rejection with the signal's reason", what);
  check(error === reason, `${what}: expected a rejection with the signal's reason but received ${named(error)}`);
}

async function rejection(call: () => Promise<unknown>, wanted: string, what: string): Promise<unknown> {
  let promise: Promise<unknown>;
  try {
    promise = call();
  } catch (error) {
    fail(`${what}: expected ${wanted} but it threw ${named(error)} before it returned a promise`);
  }
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome) return outcome.error;
  fail(`${what}: expected ${wanted} but it resolved to ${describe(outcome.value)}`);
}

const named = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : describe(error);
