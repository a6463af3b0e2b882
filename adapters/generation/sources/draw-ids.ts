import { expectedBut } from "../../../sdk/kit.ts";
import { keptRun } from "../kept-ids.ts";
import { guide } from "../sampling/guide.ts";
import { Sampler } from "../sampling/sampler.ts";
import { guidanceAt } from "../sampling/sampling.ts";
import type { IdRequest } from "./id-source.ts";

/** Sequences of a language model that ids are appended to. */
export interface IdSequences extends AsyncDisposable {
  /** Appends ids to each, none before the first ones are drawn. @returns for each sequence the logits of the next id */
  append(ids: readonly (readonly number[])[]): Promise<Float32Array[]>;
}

/**
 * Draws the ids of a request's images, which are a sequence each; with guidance the same sequences without the prompt follow
 * them, and are given the same ids.
 * @param total ids of an image
 */
export async function* drawIds(
  { seeds, kept, sampling, signal }: Omit<IdRequest, "prompt">,
  total: number,
  open: () => Promise<IdSequences>,
): AsyncGenerator<readonly number[]> {
  const copies = sampling.guidanceScale === 1 ? 1 : 2;
  const samplers = seeds.map((seed) => new Sampler(seed, sampling));
  const sequences = await open();
  try {
    let next: (readonly number[])[] = Array.from({ length: copies * seeds.length }, () => []);
    for (let index = 0; index < total; index++) {
      signal?.throwIfAborted();
      const run = keptRun(kept, index);
      if (run.length > 0) {
        next = next.map((before) => [...before, ...run]);
        index += run.length;
        if (index === total) return;
      }
      const logits = await sequences.append(next);
      const scale = guidanceAt(sampling, index, total);
      const unconditional = logits.slice(seeds.length);
      const ids = logits.slice(0, seeds.length).map((own, image) => {
        const other = scale === 1 ? undefined : unconditional[image];
        return samplers[image]!.draw(other === undefined ? own : guide(own, other, scale));
      });
      yield ids;
      next = Array.from({ length: copies }, () => ids.map((id) => [id])).flat();
    }
  } finally {
    await sequences[Symbol.asyncDispose]();
  }
}

/**
 * @param prompt tokens before an image's `total` ids
 * @throws CONTEXT_OVERFLOW
 */
export function requireRoomFor(prompt: number, total: number, contextSize: number): void {
  // The last id is drawn, never decoded.
  if (prompt + total - 1 <= contextSize) return;
  const received = `a prompt of ${prompt} tokens before an image of ${total}`;
  const mend = "Shorten the prompt, or load the generator with a larger contextSize.";
  throw expectedBut("CONTEXT_OVERFLOW", `at most ${contextSize} tokens`, "the context", received, mend);
}
