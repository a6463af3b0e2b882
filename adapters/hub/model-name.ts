import { expected } from "../../sdk/kit.ts";

/** A model of the hub, as you name it. */
export interface ModelName {
  /** Owner and name, such as "ggml-org/SmolVLM-256M-Instruct-GGUF". */
  readonly repo: string;
  /** Such as "Q8_0"; null for the one that is chosen by default. */
  readonly quant: string | null;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const NAME = /^(?:hf:)?([\w.-]+\/[\w.-]+)(?::(\w+))?(?:@([\w./-]+))?$/;

/** Whether a text names a model of the hub and no file: "hf:owner/repo". */
export const isModelName = (text: string): boolean => text.startsWith("hf:");

/**
 * Reads "hf:owner/repo", "owner/repo:Q8_0" or "owner/repo@revision".
 * @throws INVALID_ARGUMENT
 */
export function parseModelName(text: string): ModelName {
  const [, repo, quant, revision = "main"] = (typeof text === "string" && NAME.exec(text)) || [];
  if (repo === undefined || /(^|\/)\.\.?(\/|$)/.test(repo) || revision.includes("..")) {
    const mend = "Write it as ggml-org/SmolVLM-256M-Instruct-GGUF or ggml-org/SmolVLM-256M-Instruct-GGUF:Q8_0.";
    throw expected("INVALID_ARGUMENT", "owner/repo, and a quantization if you like", "the model's name", text, mend);
  }
  return { repo, quant: quant?.toUpperCase() ?? null, revision };
}
