import { describe, expect, it } from "vitest";
import type { EmbeddingBatch } from "../../../adapters/llama-cpp/native/llama-library.ts";
import type { ContextInternals, DecodeRequest } from "../../../adapters/llama-cpp/native/node-llama-cpp.ts";
import { decodeWithImages } from "../../../adapters/llama-cpp/vision/decode-images.ts";
import { ImageLibrary } from "../../../adapters/llama-cpp/vision/image-library.ts";
import { MAX_JOINED_TEXT } from "../../../adapters/llama-cpp/vision/join-text.ts";
import type { TokenEmbeddings } from "../../../adapters/llama-cpp/vision/token-embeddings.ts";

const WIDTH = 2;
const MICRO_BATCH = 8;
const FIRST = 5;

/** What one request decodes, in order: texts as their tokens, embeddings as the first number of each row. */
async function decoded(
  shape: (image: readonly number[]) => number[],
  { rows = true, wanted = [] as number[], attention = "causal" as "causal" | "full" } = {},
) {
  const images = new ImageLibrary({ cacheBytes: 1e6, mostImages: 10, multiAxis: false, tokenize: () => [] });
  const data = Float32Array.from({ length: 6 * WIDTH }, (_, i) => 1000 + Math.floor(i / WIDTH));
  const segments = [{ type: "embeddings", data, grid: { rows: 1, columns: 6 }, attention } as const];
  images.add("image", { segments, embeddingDim: WIDTH, tokens: 6 });
  const calls: { kind: "text" | "rows"; values: number[]; positions: number[] }[] = [];
  const internals = {
    embeddingDim: WIDTH,
    microBatchSize: MICRO_BATCH,
    hasMultiAxisPositions: false,
    llama: {
      setCausalAttention() {},
      async decode(_: bigint, batch: EmbeddingBatch) {
        const values = [...batch.data].filter((_, i) => i % WIDTH === 0);
        calls.push({ kind: "rows", values, positions: [...batch.positions] });
        return 0;
      },
    },
    exclusively: (work: () => Promise<unknown>) => work(),
  } as unknown as ContextInternals;
  const embeddings = {
    rowsOf: async (tokens: readonly number[]) =>
      rows ? Float32Array.from(tokens.flatMap((token) => [token, token])) : null,
  } as unknown as TokenEmbeddings;
  const lengths: number[] = [];
  let used = 0;
  const tokens = shape(images.tokensOf("image"));
  const logits = tokens.map((_, i) => wanted.includes(i) || undefined);
  const tokenMeter = { useTokens: (count: number) => void (used += count) };
  const afterBatchAction = (length: number) => void lengths.push(length);
  const request = { sequenceId: 0, firstTokenSequenceIndex: FIRST, tokens, logits, tokenMeter, afterBatchAction };
  await decodeWithImages(internals, images, embeddings, request, async (part: DecodeRequest) => {
    const positions = part.tokens.map((_, i) => part.firstTokenSequenceIndex + i);
    calls.push({ kind: "text", values: [...part.tokens], positions });
    part.tokenMeter?.useTokens(part.tokens.length, "input");
    await part.afterBatchAction?.(part.firstTokenSequenceIndex + part.tokens.length + 1);
    return [];
  });
  expect(used).toBe(tokens.length);
  expect(calls.flatMap(({ positions }) => positions)).toEqual(tokens.map((_, i) => FIRST + i));
  return { calls: calls.map(({ kind, values }) => [kind, values] as const), lengths };
}

const six = [1000, 1001, 1002, 1003, 1004, 1005];

describe("text beside an image", () => {
  it("goes into its batches, which stay within the micro batch", async () => {
    const { calls, lengths } = await decoded((image) => [1, ...image, 2, 3]);
    expect(calls).toEqual([
      ["rows", [1, ...six, 2]],
      ["rows", [3]],
    ]);
    expect(lengths).toEqual([FIRST + 9 + 1]);
  });

  it("joins two images where it stands between them", async () => {
    const { calls } = await decoded((image) => [...image, 1, ...image]);
    expect(calls).toEqual([
      ["rows", [...six, 1, 1000]],
      ["rows", six.slice(1)],
    ]);
  });

  it("stays text where logits are wanted", async () => {
    const { calls, lengths } = await decoded((image) => [1, ...image, 2, 3], { wanted: [8] });
    expect(calls).toEqual([
      ["rows", [1, ...six]],
      ["text", [2, 3]],
    ]);
    expect(lengths).toEqual([FIRST + 7 + 1, FIRST + 9 + 1]);
  });

  it("stays text where it is long", async () => {
    const long = Array.from({ length: MAX_JOINED_TEXT + 1 }, (_, i) => i);
    const { calls } = await decoded((image) => [...long, ...image, 1]);
    expect(calls).toEqual([
      ["text", long],
      ["rows", [...six, 1]],
    ]);
  });

  it.each([{ rows: false }, { attention: "full" as const }])("stays text with %j", async (options) => {
    const { calls, lengths } = await decoded((image) => [1, ...image, 2], options);
    expect(calls).toEqual([
      ["text", [1]],
      ["rows", six],
      ["text", [2]],
    ]);
    expect(lengths).toEqual([FIRST + 2, FIRST + 8, FIRST + 9]);
  });
});
