/** What a model writes around what it thinks before it answers. */
export interface ThoughtTags {
  readonly prefix: string;
  readonly suffix: string;
}

/** Of Qwen and GLM; Kimi-VL; Mistral; Gemma 4; Cohere; MiniMax; Apriel. */
const KNOWN: readonly ThoughtTags[] = [
  { prefix: "<think>", suffix: "</think>" },
  { prefix: "◁think▷", suffix: "◁/think▷" },
  { prefix: "[THINK]", suffix: "[/THINK]" },
  { prefix: "<|channel>thought\n", suffix: "<channel|>" },
  { prefix: "<|START_THINKING|>", suffix: "<|END_THINKING|>" },
  { prefix: "<mm:think>", suffix: "</mm:think>" },
  { prefix: "Here are my reasoning steps:\n", suffix: "[BEGIN FINAL RESPONSE]" },
];

/** The tags that a chat template knows; null for a model that does not think. */
export const thoughtTagsOf = (template: string): ThoughtTags | null =>
  KNOWN.find(({ prefix, suffix }) => template.includes(prefix.trimEnd()) || template.includes(suffix)) ?? null;

/** Whether a prompt ends inside a thought, so that the model goes on with it. */
export const opensThought = (prompt: string, { prefix, suffix }: ThoughtTags): boolean => {
  const end = prompt.trimEnd();
  return end.endsWith(prefix.trimEnd()) && end.lastIndexOf(suffix) < end.length - prefix.trimEnd().length;
};

/** Takes the thoughts out of an answer that comes piece by piece. */
export class AnswerText {
  readonly #tags: ThoughtTags;
  #inThought: boolean;
  /** What may be the beginning of a tag. */
  #held = "";
  /** Space behind a thought belongs to neither. */
  #trims = false;

  /** @param inThought whether the answer begins inside a thought */
  constructor(tags: ThoughtTags, inThought: boolean) {
    this.#tags = tags;
    this.#inThought = inThought;
  }

  /** What of a piece belongs to the answer, as far as that is known. */
  push(piece: string): string {
    this.#held += piece;
    let text = "";
    for (;;) {
      const tag = this.#inThought ? this.#tags.suffix : this.#tags.prefix;
      const at = this.#held.indexOf(tag);
      const end = at === -1 ? this.#held.length - overlap(this.#held, tag) : at;
      text += this.#take(this.#held.slice(0, end));
      this.#held = this.#held.slice(at === -1 ? end : at + tag.length);
      if (at === -1) return text;
      this.#inThought = !this.#inThought;
      this.#trims = true;
    }
  }

  /** What was held back, once the answer has ended. */
  end(): string {
    const rest = this.#held;
    this.#held = "";
    return this.#take(rest);
  }

  #take(text: string): string {
    if (this.#inThought) return "";
    const own = this.#trims ? text.trimStart() : text;
    if (own !== "") this.#trims = false;
    return own;
  }
}

/** How many characters at a text's end may begin a tag. */
function overlap(text: string, tag: string): number {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length;
  }
  return 0;
}
