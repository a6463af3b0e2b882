import type { DecodeRequest } from "../native/node-llama-cpp.ts";
import type { DecodeStep } from "./decode-step.ts";
import { linePositions } from "./positions.ts";
import type { TokenEmbeddings } from "./token-embeddings.ts";

/**
 * Most tokens of a text that goes along with an image. A call of its own reads all weights once more, and that is most
 * of what a short text costs. For longer texts the arithmetic costs most, which is the same in either place.
 */
export const MAX_JOINED_TEXT = 64;

/**
 * Puts short texts into the batches of the images beside them, as the rows that the model would look their tokens up
 * in. Otherwise an image's own markers would take a call for each token. Texts whose logits are wanted are left to
 * node-llama-cpp, which samples from its own batches. So are all texts of a model whose rows cannot be read.
 */
export async function joinText(
  steps: readonly DecodeStep[],
  { tokens, logits, firstTokenSequenceIndex: first }: DecodeRequest,
  embeddings: TokenEmbeddings,
): Promise<DecodeStep[]> {
  const joining = (step: DecodeStep | undefined) => (step?.rows?.joins ? step.rows : null);
  const withRows = await Promise.all(
    steps.map(async (step, i): Promise<DecodeStep> => {
      const { start, end } = step;
      const beside = (joining(steps[i - 1]) ?? joining(steps[i + 1])) !== null;
      if (step.rows !== null || !beside || end - start > MAX_JOINED_TEXT) return step;
      if (logits.slice(start, end).some(Boolean)) return step;
      const data = await embeddings.rowsOf(tokens.slice(start, end));
      return data === null ? step : { start, end, rows: line([data], first + start, end - start) };
    }),
  );
  const joined: DecodeStep[] = [];
  for (const step of withRows) {
    const last = joined.at(-1);
    const [before, own] = [joining(last), joining(step)];
    if (last !== undefined && before !== null && own !== null) {
      const [{ start }, { end }] = [last, step];
      const parts = [...before.parts, ...own.parts];
      joined[joined.length - 1] = { start, end, rows: line(parts, first + start, end - start) };
    } else joined.push(step);
  }
  return joined;
}

const line = (parts: readonly Float32Array[], start: number, count: number) => ({
  parts,
  positions: linePositions(start, count),
  fullAttention: false,
  joins: true,
});
