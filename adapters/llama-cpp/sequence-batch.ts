import type { LlamaContext, LlamaContextSequence } from "node-llama-cpp";
import { expected, expectedBut } from "../../sdk/kit.ts";
import { ContextInternals } from "./native/node-llama-cpp.ts";

/** A range of the vocabulary whose logits are read. */
export interface LogitRange {
  readonly first: number;
  readonly count: number;
}

/** A sequence of the batch. */
interface Held {
  readonly sequence: LlamaContextSequence;
  readonly id: number;
  /** Tokens that it has. */
  length: number;
}

/**
 * Several sequences of one context that go on together. Each step is one `llama_decode`, where node-llama-cpp's public
 * API evaluates one sequence at a time. Only the logits that you ask for are read.
 */
export class SequenceBatch implements AsyncDisposable {
  readonly #context: LlamaContext;
  readonly #internals: ContextInternals;
  readonly #held: readonly Held[];
  readonly #vocabulary: number;

  private constructor(context: LlamaContext, internals: ContextInternals, sequences: readonly LlamaContextSequence[]) {
    this.#context = context;
    this.#internals = internals;
    this.#held = sequences.map((sequence) => ({ sequence, id: internals.sequenceId(sequence), length: 0 }));
    this.#vocabulary = internals.llama.vocabularySize(internals.llama.modelOf(internals.address));
  }

  /**
   * Takes `count` free sequences of the context, those with the lowest numbers, until you dispose the batch. Others may use
   * the rest meanwhile.
   * @throws INVALID_ARGUMENT where fewer are free; MISSING_DEPENDENCY, UNSUPPORTED, DISPOSED, RUNTIME
   */
  static async open(context: LlamaContext, count: number): Promise<SequenceBatch> {
    const internals = await ContextInternals.open(context);
    if (!Number.isInteger(count) || count < 1 || count > context.sequencesLeft) {
      const mend = "Create the context with more `sequences`, or dispose those that are no longer used.";
      const what = `from 1 to ${context.sequencesLeft} sequences, as many as are free`;
      throw expected("INVALID_ARGUMENT", what, "a batch of sequences", count, mend);
    }
    internals.limitThreads();
    internals.orderFreeSequences();
    const sequences = Array.from({ length: count }, () => context.getSequence());
    return new SequenceBatch(context, internals, sequences);
  }

  /** Tokens of each sequence. */
  get lengths(): readonly number[] {
    return this.#held.map(({ length }) => length);
  }

  /**
   * Appends tokens to each of the sequences, at least one, and reads the logits that follow the last of each.
   *
   * @returns for each sequence [range.count] logits
   * @throws INVALID_ARGUMENT for tokens or a range outside the vocabulary, CONTEXT_OVERFLOW for more tokens than the
   *   context holds: the sequences stay as they were; RUNTIME where llama.cpp fails; DISPOSED
   */
  async append(tokens: readonly (readonly number[])[], range: LogitRange): Promise<Float32Array[]> {
    const added = this.#checked(tokens, range);
    const { llama, address } = this.#internals;
    const items = added.flatMap(({ held, own }, sequence) =>
      own.map((token, i) => {
        const [position, last] = [held.length + i, i === own.length - 1];
        return { token, sequence, id: held.id, position, last };
      }),
    );
    const batchSize = llama.batchSize(address);
    const logits: Float32Array[] = [];
    await this.#internals.exclusively(async () => {
      try {
        for (let start = 0; start < items.length; start += batchSize) {
          const part = items.slice(start, start + batchSize);
          const status = await llama.decodeTokens(address, {
            tokens: part.map(({ token }) => token),
            positions: part.map(({ position }) => position),
            sequenceIds: part.map(({ id }) => id),
            outputs: part.map(({ last }) => last),
          });
          if (status !== 0) throw expected("RUNTIME", "status 0", `llama_decode of ${part.length} tokens`, status);
          // They are gone with the next decode.
          for (const [i, { sequence, last }] of part.entries()) {
            if (last) logits[sequence] = this.#logits(i, range);
          }
        }
      } catch (error) {
        for (const { id, length } of this.#held) this.#internals.removeFrom(id, length);
        throw error;
      }
    });
    for (const { held, own } of added) held.length += own.length;
    return logits;
  }

  /** Empties the sequences and gives them back to the context. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#internals.disposed) return;
    await this.#internals.exclusively(async () => {
      for (const { id } of this.#held) this.#internals.removeFrom(id, 0);
    });
    for (const { sequence } of this.#held) await sequence.dispose();
  }

  #logits(index: number, { first, count }: LogitRange): Float32Array {
    const { llama, address } = this.#internals;
    const found = llama.logits(address, index, first, count);
    if (found === null) throw expectedBut("RUNTIME", "logits", `llama_get_logits_ith of token ${index}`, "none");
    return found;
  }

  /** The tokens beside the sequence that each list goes to. */
  #checked(tokens: readonly (readonly number[])[], { first, count }: LogitRange) {
    if (tokens.length !== this.#held.length) {
      throw expected("INVALID_ARGUMENT", `${this.#held.length} lists of tokens`, "a batch of sequences", tokens.length);
    }
    const range = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 1;
    if (!range || first + count > this.#vocabulary) {
      const received = `${first} and the ${count} from there on`;
      throw expectedBut("INVALID_ARGUMENT", `some of ${this.#vocabulary} tokens`, "the range of logits", received);
    }
    return this.#held.map((held, i) => {
      const own = tokens[i] ?? [];
      if (own.length === 0) throw expected("INVALID_ARGUMENT", "at least one token", `sequence ${i}`, own);
      const bad = own.find((token) => !Number.isInteger(token) || token < 0 || token >= this.#vocabulary);
      if (bad !== undefined) {
        throw expected("INVALID_ARGUMENT", `a token from 0 to ${this.#vocabulary - 1}`, `sequence ${i}`, bad);
      }
      const length = held.length + own.length;
      if (length > this.#context.contextSize) {
        const mend = "Create the context with a larger contextSize.";
        const what = `at most ${this.#context.contextSize} tokens, as the context holds,`;
        throw expected("CONTEXT_OVERFLOW", what, `sequence ${i}`, length, mend);
      }
      return { held, own };
    });
  }
}
