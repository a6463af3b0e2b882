import type { LlamaContext, LlamaContextSequence } from "node-llama-cpp";
import { expected, expectedBut } from "../../sdk/kit.ts";
import { ContextInternals } from "./native/node-llama-cpp.ts";

/** A range of the vocabulary whose logits are read. */
export interface LogitRange {
  readonly first: number;
  readonly count: number;
}

export interface AppendOptions {
  /** Which of the sequences, counted from 0 and ascending (default: all). The others stay as they are. */
  readonly sequences?: readonly number[];
  /**
   * Put the last layer's output behind the logits. It is float32 and shows what is rounded otherwise, where logits may not:
   * their inputs are rounded to fewer bits.
   */
  readonly hidden?: boolean;
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
  /** Those that the next append makes, in order. */
  #copies: { readonly from: Held; readonly to: Held }[] = [];

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

  /** Whether `takeBack` works: a recurrent model keeps a state that forgets how it came about. */
  get canTakeBack(): boolean {
    const { llama, address } = this.#internals;
    return !llama.isRecurrent(llama.modelOf(address));
  }

  /**
   * Appends tokens to sequences, at least one to each, and reads the logits that follow the last of each.
   *
   * @returns for each of these sequences [range.count] logits, and behind them [width] numbers of the last layer's output
   *   where they are asked for
   * @throws INVALID_ARGUMENT for tokens or a range outside the vocabulary, or other sequences; CONTEXT_OVERFLOW for more
   *   tokens than the context holds: the sequences stay as they were; RUNTIME where llama.cpp fails; DISPOSED
   */
  async append(
    tokens: readonly (readonly number[])[],
    range: LogitRange,
    { sequences = [...this.#held.keys()], hidden = false }: AppendOptions = {},
  ): Promise<Float32Array[]> {
    const added = this.#checked(tokens, range, sequences);
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
        this.#carryOutCopies();
        if (hidden) llama.setHidden(address, true);
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
            if (last) logits[sequence] = hidden ? this.#withHidden(i, range) : this.#logits(i, range);
          }
        }
      } catch (error) {
        for (const { id, length } of this.#held) this.#internals.removeFrom(id, length);
        throw error;
      } finally {
        if (hidden) llama.setHidden(address, false);
      }
    });
    for (const { held, own } of added) held.length += own.length;
    return logits;
  }

  /**
   * Sequence `to` holds what `from` holds from now on, and nothing that it held before. It costs a copy of the whole
   * sequence's memory, which the next `append` makes.
   * @throws INVALID_ARGUMENT for a sequence that is not there, or the same twice
   */
  copy(from: number, to: number): void {
    const [source, target] = [this.#held[from], this.#held[to]];
    if (source === undefined || target === undefined || from === to) {
      const what = `two of the sequences 0 to ${this.#held.length - 1}`;
      throw expectedBut("INVALID_ARGUMENT", what, "a copy of a sequence", `${from} and ${to}`);
    }
    this.#copies.push({ from: source, to: target });
    target.length = source.length;
  }

  /**
   * Forgets the last token of each of these sequences, as if it had not been appended.
   * @throws UNSUPPORTED for a recurrent model; INVALID_ARGUMENT for a sequence without tokens; DISPOSED
   */
  async takeBack(sequences: readonly number[]): Promise<void> {
    if (!this.canTakeBack) {
      throw expectedBut("UNSUPPORTED", "a model without a recurrent state", "taking a token back", "one that has it");
    }
    const held = sequences.map((sequence) => this.#held[sequence]);
    const empty = held.findIndex((one) => one === undefined || one.length === 0);
    if (empty >= 0) throw expected("INVALID_ARGUMENT", "a sequence with tokens", "taking one back", sequences[empty]);
    await this.#internals.exclusively(async () => {
      this.#carryOutCopies();
      for (const one of held) if (one !== undefined) this.#internals.removeFrom(one.id, --one.length);
    });
  }

  /** Empties the sequences and gives them back to the context. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#internals.disposed) return;
    await this.#internals.exclusively(async () => {
      for (const { id } of this.#held) this.#internals.removeFrom(id, 0);
    });
    for (const { sequence } of this.#held) await sequence.dispose();
  }

  /** At the last moment: nobody else's decode may come between a copy and its tokens. */
  #carryOutCopies(): void {
    const { llama, address } = this.#internals;
    for (const { from, to } of this.#copies) llama.copySequence(address, from.id, to.id);
    this.#copies = [];
  }

  #logits(index: number, { first, count }: LogitRange): Float32Array {
    const { llama, address } = this.#internals;
    const found = llama.logits(address, index, first, count);
    if (found === null) throw expectedBut("RUNTIME", "logits", `llama_get_logits_ith of token ${index}`, "none");
    return found;
  }

  #withHidden(index: number, range: LogitRange): Float32Array {
    const [logits, hidden] = [this.#logits(index, range), this.#internals.llama.hidden(this.#internals.address, index)];
    if (hidden === null) throw expectedBut("RUNTIME", "an output", `llama_get_embeddings_ith of ${index}`, "none");
    const both = new Float32Array(logits.length + hidden.length);
    both.set(logits);
    both.set(hidden, logits.length);
    return both;
  }

  /** The tokens beside the sequence that each list goes to. */
  #checked(tokens: readonly (readonly number[])[], { first, count }: LogitRange, sequences: readonly number[]) {
    const ascending = sequences.every((one, i) => this.#held[one] !== undefined && one > (sequences[i - 1] ?? -1));
    if (!ascending || sequences.length === 0) {
      const what = `some of the sequences 0 to ${this.#held.length - 1}, ascending`;
      throw expectedBut("INVALID_ARGUMENT", what, "a batch of sequences", sequences.join(", ") || "none");
    }
    if (tokens.length !== sequences.length) {
      throw expected("INVALID_ARGUMENT", `${sequences.length} lists of tokens`, "a batch of sequences", tokens.length);
    }
    const range = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 1;
    if (!range || first + count > this.#vocabulary) {
      const received = `${first} and the ${count} from there on`;
      throw expectedBut("INVALID_ARGUMENT", `some of ${this.#vocabulary} tokens`, "the range of logits", received);
    }
    return sequences.map((sequence, at) => {
      const [held, own, i] = [this.#held[sequence]!, tokens[at] ?? [], sequence];
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
