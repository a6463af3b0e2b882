import type { ImageInput } from "../../contract/image.ts";
import { present } from "../../errors.ts";
import { abortable } from "./abort.ts";
import type { Gate } from "./gate.ts";

/** What is done with images of any number: each is read, then they go on in batches. */
export interface EachImage<I, T> {
  read(image: ImageInput, signal: AbortSignal): Promise<I>;
  run(images: readonly I[], signal: AbortSignal): Promise<readonly T[]>;
}

export interface BatchWork<I, T> {
  /** How many images there are. */
  readonly count: number;
  /** Most images in one batch. */
  readonly size: number;
  /** Batches of this call that are read or run at a time. */
  readonly lanes: number;
  /** Bounds the batches of all calls together. */
  readonly gate: Gate;
  readonly signal: AbortSignal;
  read(index: number): Promise<I>;
  /** Gives one result for each image. */
  run(images: readonly I[]): Promise<readonly T[]>;
}

/**
 * Reads images and runs them in batches; the results keep the images' order. Each lane takes the next images until none
 * is left, so that one lane reads while another's batch runs. A lane reads one image after the other, which bounds memory.
 */
export async function inBatches<I, T>({ count, size, lanes, gate, signal, read, run }: BatchWork<I, T>): Promise<T[]> {
  const results: T[] = new Array(count);
  let next = 0;

  const runBatch = async (): Promise<void> => {
    const indices: number[] = [];
    const images: I[] = [];
    while (next < count && images.length < size) {
      signal.throwIfAborted();
      const index = next++;
      images.push(await read(index));
      indices.push(index);
    }
    // While this lane waited at the gate, others may have taken what was left.
    if (images.length === 0) return;
    signal.throwIfAborted();
    const batch = await run(images);
    for (const [i, result] of batch.entries()) results[present(indices[i], "an image for each result")] = result;
  };
  const lane = async (): Promise<void> => {
    while (next < count) await gate.run(runBatch);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

/** Runs `items` by `size` at a time, all batches at once; the result keeps their order. */
export async function runBatches<I, T>(
  items: readonly I[],
  size: number,
  signal: AbortSignal | undefined,
  run: (batch: readonly I[], signal: AbortSignal) => Promise<readonly T[]>,
): Promise<T[]> {
  const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, i) => i * size);
  const batches = await abortable(signal, (signal) =>
    Promise.all(starts.map((start) => run(items.slice(start, start + size), signal))),
  );
  return batches.flat();
}
