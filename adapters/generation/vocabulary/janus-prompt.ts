import { expectedBut } from "../../../sdk/kit.ts";
import type { GgufFile } from "../../gguf/index.ts";
import { vocabularyTokens } from "./metadata.ts";

/** The tokens that Janus' prompts for images are written with. */
export interface JanusPrompts {
  readonly bos: number;
  readonly pad: number;
  readonly user: number;
  readonly assistant: number;
  readonly beginOfImage: number;
}

const WORDS = { user: "<|User|>", assistant: "<|Assistant|>", beginOfImage: "<begin_of_image>" } as const;

/** Whether a language model has Janus' tokens. @throws INVALID_GGUF for a file without a vocabulary */
export function isJanus(gguf: GgufFile): boolean {
  const tokens = new Set(vocabularyTokens(gguf));
  return Object.values(WORDS).every((word) => tokens.has(word));
}

/** @throws INVALID_GGUF for a file that names no token before texts, or none that fills them up */
export function readJanusPrompts(gguf: GgufFile): JanusPrompts {
  const tokens = vocabularyTokens(gguf);
  const named = (key: string) => {
    const id = gguf.metadata.get(`tokenizer.ggml.${key}`)?.value;
    if (typeof id === "number" && id < tokens.length) return id;
    const mend = "Convert Janus' checkpoint again: `vqrae convert-llm <folder> --out llm.gguf`.";
    throw expectedBut("INVALID_GGUF", "one of its tokens", `tokenizer.ggml.${key} of ${gguf.file}`, "none", mend);
  };
  return {
    bos: named("bos_token_id"),
    pad: named("padding_token_id"),
    user: tokens.indexOf(WORDS.user),
    assistant: tokens.indexOf(WORDS.assistant),
    beginOfImage: tokens.indexOf(WORDS.beginOfImage),
  };
}

/** What Janus' repository writes before an image (janus/utils/conversation.py, "deepseek"). The prompt is always text. */
export function janusPrompt(
  { bos, user, assistant, beginOfImage }: JanusPrompts,
  prompt: string,
  tokenize: (text: string) => readonly number[],
): number[] {
  return [bos, user, ...tokenize(`: ${prompt.trim()}\n\n`), assistant, ...tokenize(":"), beginOfImage];
}

/** The same for a model that is shown no prompt: all but its first and its last token are padding. */
export const withoutPrompt = ({ pad }: JanusPrompts, tokens: readonly number[]): number[] =>
  tokens.map((token, i) => (i === 0 || i === tokens.length - 1 ? token : pad));
