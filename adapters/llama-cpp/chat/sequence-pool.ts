import { EventEmitter, once } from "node:events";
import type { ChatWrapper, LlamaChat, LlamaContext, LlamaContextSequence, Token } from "node-llama-cpp";
import { expectedBut, Gate } from "../../../sdk/kit.ts";
import { loadNodeLlamaCpp } from "../native/node-llama-cpp.ts";

/**
 * The share of a prompt that a sequence must hold to be preferred to an empty one. llama-server has such a bound too.
 */
const LIKE = 0.5;

/** A sequence of the context, lent for one answer. */
export interface Lease {
  readonly chat: LlamaChat;
  release(): void;
}

/**
 * The sequences of a context, each lent to one answer at a time. What a sequence has decoded stays in it. A
 * conversation that begins with the same tokens gets that sequence again. With `deterministic` all of them are lent empty.
 */
export class SequencePool {
  readonly #context: LlamaContext;
  readonly #chatWrapper: ChatWrapper;
  readonly #deterministic: boolean;
  /** The longest unused first. */
  readonly #idle: LlamaChat[] = [];
  /** Answers wait in one line; only the first of them looks for a sequence. */
  readonly #line = new Gate(1);
  readonly #releases = new EventEmitter();
  #lent = 0;

  constructor(context: LlamaContext, chatWrapper: ChatWrapper, deterministic: boolean) {
    this.#context = context;
    this.#chatWrapper = chatWrapper;
    this.#deterministic = deterministic;
  }

  /**
   * Lends a sequence; where all are lent, it waits for one.
   * @param tokens the prompt
   * @throws INVALID_ARGUMENT where all are taken for good; the signal's reason
   */
  async lease(tokens: readonly Token[], signal: AbortSignal): Promise<Lease> {
    return this.#line.run(async () => {
      while (this.#idle.length === 0 && this.#context.sequencesLeft === 0) await this.#released(signal);
      const chat = this.#deterministic ? await this.#takeEmpty() : await this.#take(tokens);
      this.#lent += 1;
      return { chat, release: () => this.#release(chat) };
    }, signal);
  }

  /** A sequence that the caller disposes. @throws INVALID_ARGUMENT where there is none */
  async take(): Promise<LlamaContextSequence> {
    if (this.#context.sequencesLeft === 0) {
      const chat = this.#idle.shift();
      if (chat === undefined) throw allTaken(this.#context.totalSequences);
      const { sequence } = chat;
      chat.dispose();
      await sequence.dispose();
    }
    return this.#context.getSequence();
  }

  async #takeEmpty(): Promise<LlamaChat> {
    const chat = this.#idle.shift() ?? (await this.#make());
    await chat.sequence.clearHistory();
    return chat;
  }

  async #take(tokens: readonly Token[]): Promise<LlamaChat> {
    const shared = this.#idle.map((chat) => chat.sequence.compareContextTokens([...tokens]).firstDifferentIndex);
    const most = Math.max(...shared);
    const [like] = most >= LIKE * tokens.length ? this.#idle.splice(shared.indexOf(most), 1) : [];
    const chat = like ?? (this.#context.sequencesLeft === 0 ? this.#idle.shift() : undefined);
    return chat ?? this.#make();
  }

  async #make(): Promise<LlamaChat> {
    const contextSequence = this.#context.getSequence();
    const { LlamaChat } = await loadNodeLlamaCpp();
    return new LlamaChat({ contextSequence, chatWrapper: this.#chatWrapper });
  }

  #release(chat: LlamaChat): void {
    this.#lent -= 1;
    if (!chat.disposed) this.#idle.push(chat);
    this.#releases.emit("release");
  }

  /** Resolves when an answer gives its sequence back. */
  async #released(signal: AbortSignal): Promise<void> {
    if (this.#lent === 0) throw allTaken(this.#context.totalSequences);
    try {
      await once(this.#releases, "release", { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}

function allTaken(count: number) {
  const mend = "Dispose an earlier session's sequence, or load the model with the option sequences.";
  const received = `one more than ${count}`;
  return expectedBut("INVALID_ARGUMENT", "a free sequence", "conversations at a time", received, mend);
}
