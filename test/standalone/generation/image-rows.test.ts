import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ImageRows } from "../../../adapters/generation/sources/image-rows.ts";
import { TokenSequences } from "../../../adapters/generation/sources/llama-cpp.ts";
import { type LanguageModel, openLanguageModel, SequenceBatch } from "../../../adapters/llama-cpp/index.ts";
import { tinyArchitectures, writeTinyLlm } from "../../helpers/tiny-llm.ts";

const IMAGES = 5;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-image-rows-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Prompts of lengths on both sides of a block of 256 positions, and what follows each of them. */
const prompts = (width: number) =>
  Array.from({ length: width }, (_, row) =>
    Array.from({ length: row === 0 ? 250 : 4 }, (_, i) => 20 + ((i * 7) % 200)),
  );
const stepOf = (width: number, step: number) =>
  Array.from({ length: IMAGES }, (_, image) => Array.from({ length: width }, () => [30 + 9 * image + step]));

describe.each(tinyArchitectures)("%s", (architecture) => {
  let llm: LanguageModel;
  let count: number;
  beforeAll(async () => {
    const tiny = await writeTinyLlm(join(folder, `${architecture}.gguf`), architecture);
    count = tiny.tokens.length;
    llm = await openLanguageModel(tiny.path, { gpu: false, threads: 1, sequences: 2 * IMAGES, contextSize: 512 });
  });
  afterAll(() => llm[Symbol.asyncDispose]());

  it.each([1, 2])(
    "%i sequences an image: exact steps give the logits of each image alone, to the bit",
    async (width) => {
      const range = { first: 0, count };
      const batch = await SequenceBatch.open(llm.context, IMAGES * width);
      const append = vi.spyOn(batch, "append");
      const sequences = new TokenSequences(batch, { firstToken: 0, codebookSize: count });
      const rows = new ImageRows(sequences, { width, batching: "exact", agreements: new Map() });
      const given = (lists: readonly (readonly number[])[]) => lists.map((tokens) => ({ tokens, ids: [] }));
      await rows.alone(0, given(prompts(width)));
      for (let image = 1; image < IMAGES; image++) rows.copy(0, image);
      const found: Float32Array[][][] = [];
      const calls: number[] = [];
      for (let step = 0; step < 12; step++) {
        const before = append.mock.calls.length;
        found.push(await rows.step(stepOf(width, step).map(given)));
        calls.push(append.mock.calls.length - before);
      }
      // The first steps of each block are computed both ways. What was found there decides about the others.
      for (const block of [calls.slice(0, 6), calls.slice(6)]) {
        const both = IMAGES + 1;
        expect([`${both}${both}${both}111`, `${both}`.padEnd(6, `${IMAGES}`)]).toContain(block.join(""));
      }
      await batch[Symbol.asyncDispose]();

      for (let image = 0; image < IMAGES; image++) {
        const alone = await SequenceBatch.open(llm.context, width);
        await alone.append(prompts(width), range);
        for (const [step, logits] of found.entries()) {
          expect(logits[image]).toEqual(await alone.append(stepOf(width, step)[image]!, range));
        }
        await alone[Symbol.asyncDispose]();
      }
      expect(llm.context.sequencesLeft).toBe(2 * IMAGES);
    },
  );
});
