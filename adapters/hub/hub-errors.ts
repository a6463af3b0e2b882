import { HubApiError } from "@huggingface/hub";
import { VqraeError } from "../../sdk/index.ts";
import { expectedBut } from "../../sdk/kit.ts";

const MENDS = new Map([
  [401, "Set HF_TOKEN to a token of yours, or check the repository's name."],
  [403, "Accept the model's terms on its page with the account of your HF_TOKEN."],
  [404, "Check the repository's name and revision. A private one needs HF_TOKEN."],
  [429, "The hub asks you to wait: try again later, or set HF_TOKEN."],
]);

/** Does `work`, which asks the hub. @throws SERVER_UNREACHABLE, SERVER_ERROR, or the signal's reason */
export async function askingHub<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    signal?.throwIfAborted();
    throw hubError(what, cause);
  }
}

export function hubError(what: string, cause: unknown): VqraeError {
  if (VqraeError.isInstance(cause)) return cause;
  if (cause instanceof HubApiError) {
    const mend = MENDS.get(cause.statusCode);
    return expectedBut("SERVER_ERROR", "an answer of the hub", what, `status ${cause.statusCode}`, { mend, cause });
  }
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const received = reason instanceof Error ? reason.message : String(reason);
  const mend = "Check the network, or set HF_ENDPOINT to a mirror. What was downloaded so far is kept.";
  return expectedBut("SERVER_UNREACHABLE", "the hub", what, received, { mend, cause });
}
