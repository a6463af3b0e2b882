import { expected, expectedBut } from "../../../sdk/kit.ts";
import type { EmbeddingBatch } from "../native/llama-library.ts";
import type { ContextInternals, DecodeRequest, DecodeResults } from "../native/node-llama-cpp.ts";
import { isVirtualToken } from "../native/virtual-tokens.ts";
import { batchesOf, type EmbeddingRows, stepOf } from "./decode-step.ts";
import type { ImageLibrary } from "./image-library.ts";
import { joinText } from "./join-text.ts";
import { cutRuns } from "./runs.ts";
import type { TokenEmbeddings } from "./token-embeddings.ts";

/**
 * Decodes a sequence's tokens. Places of images are decoded as their embeddings, text through node-llama-cpp. Short
 * texts beside an image go along with it. After a failure, what was decoded is taken out of the sequence again, since
 * node-llama-cpp does not know of it.
 */
export async function decodeWithImages(
  internals: ContextInternals,
  library: ImageLibrary,
  embeddings: TokenEmbeddings,
  request: DecodeRequest,
  decodeText: (request: DecodeRequest) => Promise<DecodeResults>,
): Promise<DecodeResults> {
  const { tokens, logits, firstTokenSequenceIndex: first, sequenceId } = request;
  const own = (part: DecodeRequest) =>
    decodeText(part).catch((cause: unknown) => Promise.reject(explained(internals, cause)));
  if (!tokens.some(isVirtualToken)) return own(request);
  // All is looked up and checked before anything is decoded.
  const steps = cutRuns(tokens, library).map((run) => stepOf(internals, library, request, run));
  const joined = await joinText(steps, request, embeddings);
  const results: DecodeResults = [];
  try {
    for (const { start, end, rows } of joined) {
      if (rows !== null) {
        await decodeRows(internals, rows, sequenceId, () => request.afterBatchAction?.(first + end + 1));
        request.tokenMeter?.useTokens(end - start, "input");
        continue;
      }
      const part = { tokens: tokens.slice(start, end), logits: logits.slice(start, end) };
      results.push(...(await own({ ...request, ...part, firstTokenSequenceIndex: first + start })));
    }
    return results;
  } catch (error) {
    if (!internals.disposed) await internals.exclusively(async () => internals.removeFrom(sequenceId, first));
    throw error;
  }
}

async function decodeRows(
  internals: ContextInternals,
  rows: EmbeddingRows,
  sequenceId: number,
  afterwards: () => void | Promise<void>,
): Promise<void> {
  const { llama, address } = internals;
  await internals.exclusively(async () => {
    if (rows.fullAttention) llama.setCausalAttention(address, false);
    try {
      for (const batch of batchesOf(rows, internals, sequenceId))
        requireDecoded(await llama.decode(address, batch), batch);
    } finally {
      if (rows.fullAttention) llama.setCausalAttention(address, true);
    }
    await afterwards();
  });
}

/** node-llama-cpp counts positions, of which an image with several axes has fewer than cells in the KV cache. */
function explained({ hasMultiAxisPositions }: ContextInternals, cause: unknown): unknown {
  if (!hasMultiAxisPositions || !(cause instanceof Error) || !cause.message.includes("KV slot")) return cause;
  const mend =
    "Images take rows x columns of its cells: create the context with a larger contextSize, or start a new conversation.";
  return expectedBut("CONTEXT_OVERFLOW", "room for more text", "the context's KV cache", "none", { mend, cause });
}

function requireDecoded(status: number, { count }: EmbeddingBatch): void {
  if (status === 0) return;
  if (status === 1) {
    const mend = "Create the context with a larger contextSize, or send a smaller image.";
    throw expectedBut("CONTEXT_OVERFLOW", `room for ${count} embeddings`, "the context's KV cache", "none", mend);
  }
  throw expected("RUNTIME", "status 0", `llama_decode of ${count} embeddings`, status);
}
