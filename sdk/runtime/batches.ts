import type { RgbImage } from "../vision-tokenizer.ts";
import type { Gate } from "./gate.ts";

/** A batch is closed early once its decoded images have this many pixels (3 bytes each), which bounds memory. */
const PIXELS_PER_BATCH = 32e6;

export interface BatchWork<T> {
  /** How many images there are. */
  readonly count: number;
  /** Most images in one batch. */
  readonly size: number;
  /** Batches of this call that are read or run at a time. */
  readonly lanes: number;
  /** Bounds the batches of all calls together. */
  readonly gate: Gate;
  readonly signal: AbortSignal;
  read(index: number): Promise<RgbImage>;
  /** Gives one result for each image. */
  run(images: readonly RgbImage[]): Promise<readonly T[]>;
}

/**
 * Reads images and runs them in batches; the results keep the images' order. Each lane takes the next images until none
 * is left, so that one lane reads while another's batch runs. A lane reads one image after the other, so that it can
 * close a batch early when its images are large.
 */
export async function inBatches<T>({ count, size, lanes, gate, signal, read, run }: BatchWork<T>): Promise<T[]> {
  const results: T[] = new Array(count);
  let next = 0;

  const runBatch = async (): Promise<void> => {
    const indices: number[] = [];
    const images: RgbImage[] = [];
    let pixels = 0;
    while (next < count && images.length < size && pixels < PIXELS_PER_BATCH) {
      signal.throwIfAborted();
      const index = next++;
      const image = await read(index);
      pixels += image.width * image.height;
      indices.push(index);
      images.push(image);
    }
    // While this lane waited at the gate, others may have taken what was left.
    if (images.length === 0) return;
    signal.throwIfAborted();
    const batch = await run(images);
    indices.forEach((index, i) => {
      results[index] = batch[i]!;
    });
  };
  const lane = async (): Promise<void> => {
    while (next < count) await gate.run(runBatch);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
