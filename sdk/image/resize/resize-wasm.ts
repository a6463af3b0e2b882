import type { RgbImage } from "../../contract/image.ts";
import { type Coefficients, sourceRange } from "./coefficients.ts";
import { RESIZE_WASM } from "./resize-wasm-binary.ts";

/** Source rows pass through WebAssembly memory in stripes of about this size (at least one row). */
const STRIPE_BYTES = 2 ** 20;
/** An instance whose memory grew beyond this is dropped after use: WebAssembly memory never shrinks. */
const RETAINED_BYTES = 32 * 2 ** 20;
const PAGE_BYTES = 64 * 1024;
/** The kernels work on 16 values at a time. */
const LANES = 16;
/** Weights of the horizontal pass come in blocks of so many, in halves: `high * 2^LOW_BITS + low`. */
const BLOCK = 8;
const LOW_BITS = 11;

/** The part of the global that is used here; Node's types lack it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  /** resize-wasm-binary.ts is the only module here. */
  readonly Instance: new (
    module: object,
  ) => { readonly exports: Kernels };
};

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What assembly/resize.ts exports; every argument is an address in `memory` or a count. */
interface Kernels {
  readonly memory: Memory;
  horizontal(
    ...args: [
      source: number,
      sourceStride: number,
      target: number,
      targetStride: number,
      rows: number,
      ...separated: [planes: number, planeStride: number, first: number, end: number],
      ...table: [bounds: number, weights: number, blocks: number, count: number],
    ]
  ): void;
  vertical(
    ...args: [
      source: number,
      first: number,
      rows: number,
      stride: number,
      sums: number,
      ...table: [bounds: number, weights: number, taps: number, count: number],
    ]
  ): void;
  finish(sums: number, count: number): void;
}

/** One module and at most one instance per thread, made on first use; null without SIMD. */
let compiled: object | null | undefined;
let idle: Kernels | undefined;

/**
 * Resizes with WebAssembly SIMD, to the same bytes as `resampleJs`. Returns false, with `output` untouched, where
 * WebAssembly or its memory is not available. Memory is bounded by the stripe, the sums of `output` and the weights.
 */
export function resampleWasm(
  image: RgbImage,
  horizontal: Coefficients,
  vertical: Coefficients,
  output: Uint8Array,
): boolean {
  const kernels = instantiate();
  if (kernels === null) return false;

  const sourceStride = image.width * 3;
  const rowBytes = horizontal.count * 3;
  const stride = roundUp(rowBytes, LANES);
  const { first, end } = sourceRange(vertical);
  const stripeRows = Math.min(end - first, Math.max(1, Math.floor(STRIPE_BYTES / Math.max(sourceStride, stride))));

  const place = layout();
  const blocks = inBlocks(horizontal);
  const horizontalTable = placeTable(place, horizontal.bounds, blocks);
  const verticalTable = placeTable(place, vertical.bounds, vertical.weights);
  const columns = sourceRange(horizontal);
  const planeStride = roundUp((columns.end - columns.first) * 2, LANES) + LANES;
  const planes = place(3 * planeStride);
  const source = place(stripeRows * sourceStride + LANES);
  const middle = place(stripeRows * stride);
  const sums = place(vertical.count * stride * 4);
  if (!reserve(kernels.memory, place(0))) return false;

  const memory = new Uint8Array(kernels.memory.buffer);
  writeTable(memory, horizontalTable, horizontal.bounds, blocks);
  writeTable(memory, verticalTable, vertical.bounds, vertical.weights);
  const separated = [planes, planeStride, columns.first, columns.end] as const;
  const perWindow = blocks.length / horizontal.count / (2 * BLOCK);
  memory.fill(0, sums, sums + vertical.count * stride * 4);
  for (let y = first; y < end; y += stripeRows) {
    const rows = Math.min(stripeRows, end - y);
    memory.set(image.data.subarray(y * sourceStride, (y + rows) * sourceStride), source);
    const table = [...horizontalTable, perWindow, horizontal.count] as const;
    kernels.horizontal(source, sourceStride, middle, stride, rows, ...separated, ...table);
    kernels.vertical(middle, y, rows, stride, sums, ...verticalTable, vertical.taps, vertical.count);
  }
  kernels.finish(sums, vertical.count * stride);
  for (let y = 0; y < vertical.count; y++) {
    output.set(memory.subarray(sums + y * stride, sums + y * stride + rowBytes), y * rowBytes);
  }
  idle = memory.byteLength <= RETAINED_BYTES ? kernels : undefined;
  return true;
}

/** Takes the idle instance or makes one. */
function instantiate(): Kernels | null {
  compiled ??= compile();
  if (compiled === null) return null;
  const kernels = idle ?? new WebAssembly.Instance(compiled).exports;
  idle = undefined;
  return kernels;
}

function compile(): object | null {
  try {
    return new WebAssembly.Module(Buffer.from(RESIZE_WASM, "base64"));
  } catch {
    // No WebAssembly (node --jitless) or no SIMD (an old processor): the JavaScript twin gives the same bytes.
    return null;
  }
}

/** A bump allocator over addresses: aligned blocks, each with room for the kernels' reads past the end. */
function layout(): (bytes: number) => number {
  let next = 0;
  return (bytes) => {
    const address = next;
    next = roundUp(next + bytes + LANES, 64);
    return address;
  };
}

/** Grows `memory` to at least `bytes`; false where the module's maximum or the machine does not allow it. */
function reserve(memory: Memory, bytes: number): boolean {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES);
  try {
    if (missing > 0) memory.grow(missing);
    return true;
  } catch {
    return false;
  }
}

/**
 * The weights of the horizontal pass as its kernel takes them, [count, blocks, 2, 8]: windows in blocks of eight, of each block the high
 * halves, then the low ones.
 */
function inBlocks({ count, weights, taps }: Coefficients): Int16Array {
  const blocks = Math.ceil(taps / BLOCK);
  const split = new Int16Array(count * blocks * BLOCK * 2);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < taps; k++) {
      const weight = weights[i * taps + k]!;
      const at = (i * blocks + Math.floor(k / BLOCK)) * BLOCK * 2 + (k % BLOCK);
      split[at] = weight >> LOW_BITS;
      split[at + BLOCK] = weight & (2 ** LOW_BITS - 1);
    }
  }
  return split;
}

type Table = readonly [bounds: number, weights: number];
type Weights = Int32Array | Int16Array;

function placeTable(place: (bytes: number) => number, bounds: Int32Array, weights: Weights): Table {
  return [place(bounds.byteLength), place(weights.byteLength)];
}

function writeTable(memory: Uint8Array, [boundsAt, weightsAt]: Table, bounds: Int32Array, weights: Weights): void {
  memory.set(bytesOf(bounds), boundsAt);
  memory.set(bytesOf(weights), weightsAt);
}

const bytesOf = (view: Weights): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
