import type { LlamaContext, LlamaContextSequence } from "node-llama-cpp";
import { expected, expectedBut } from "../../sdk/kit.ts";
import { ContextInternals } from "./native/node-llama-cpp.ts";

/** A range of the vocabulary whose logits are read. */
export interface LogitRange {
  readonly first: number;
  readonly count: number;
}

/** What a sequence is given: tokens, or embeddings [n, width]. */
type Input = readonly number[] | Float32Array;

/** One token or embedding, and where it goes. */
interface Place {
  readonly input: number | Float32Array;
  /** Which of those that are appended to, and its number in the context. */
  readonly at: number;
  readonly id: number;
  readonly position: number;
  /** Whether it is the last that its sequence is given. */
  readonly last: boolean;
}

/** What is appended, checked. */
interface Added {
  readonly counts: readonly { readonly held: Held; readonly count: number }[];
  readonly places: readonly Place[];
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
 * API evaluates one sequence at a time. Only the logits or hidden states that you ask for are read.
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
    this.#requireRange(range);
    const added = this.#checked(tokens, sequences);
    const { llama, address } = this.#internals;
    return this.#appending(added, async () => {
      if (!hidden) return this.#decode(added.places, (index) => this.#logits(index, range));
      llama.setHidden(address, true);
      try {
        return await this.#decode(added.places, (index) => this.#withHidden(index, range));
      } finally {
        llama.setHidden(address, false);
      }
    });
  }

  /**
   * Appends tokens, or embeddings [n, width] in their stead, to sequences, and reads the hidden state behind the model's last
   * norm at the last place of each.
   *
   * @returns for each of these sequences [width] numbers
   * @throws as `append`; INVALID_ARGUMENT for embeddings of another width; INCOMPATIBLE for a model that pools them
   */
  async hiddenStates(
    inputs: readonly (readonly number[])[] | readonly Float32Array[],
    { sequences = [...this.#held.keys()] }: Pick<AppendOptions, "sequences"> = {},
  ): Promise<Float32Array[]> {
    const { llama, address } = this.#internals;
    if (!llama.hasHiddenOfEach(address)) {
      const received = "one that pools them, as a model of text embeddings does";
      throw expectedBut("INCOMPATIBLE", "a language model with a hidden state for each token", "the context", received);
    }
    const added = this.#checked(inputs, sequences);
    return this.#appending(added, async () => {
      // llama.cpp keeps hidden states of all places of a batch, with their logits: so those before the last go by themselves.
      await this.#decode(added.places.filter(({ last }) => !last));
      llama.setHidden(address, true);
      try {
        const ends = added.places.filter(({ last }) => last);
        return await this.#decode(ends, (index) => this.#hidden(index));
      } finally {
        llama.setHidden(address, false);
      }
    });
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

  /** Does the work while nothing else uses the context. The sequences are longer after it, or as they were. */
  async #appending<T>({ counts }: Added, work: () => Promise<T>): Promise<T> {
    const result = await this.#internals.exclusively(async () => {
      try {
        this.#carryOutCopies();
        return await work();
      } catch (error) {
        for (const { id, length } of this.#held) this.#internals.removeFrom(id, length);
        throw error;
      }
    });
    for (const { held, count } of counts) held.length += count;
    return result;
  }

  /** Decodes places, as many at a time as a batch has. @returns what `read` finds at the last place of each sequence */
  async #decode(places: readonly Place[], read?: (index: number) => Float32Array): Promise<Float32Array[]> {
    const { llama, address } = this.#internals;
    const batchSize = llama.batchSize(address);
    const found: Float32Array[] = [];
    for (let start = 0; start < places.length; start += batchSize) {
      const part = places.slice(start, start + batchSize);
      const status = await llama.decodeStep(address, {
        input: joined(part.map(({ input }) => input)),
        positions: part.map(({ position }) => position),
        sequenceIds: part.map(({ id }) => id),
        outputs: part.map(({ last }) => last),
      });
      if (status !== 0) throw expected("RUNTIME", "status 0", `llama_decode of ${part.length} places`, status);
      if (read === undefined) continue;
      // They are gone with the next decode.
      for (const [i, { at, last }] of part.entries()) if (last) found[at] = read(i);
    }
    return found;
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
    if (found === null) throw expectedBut("RUNTIME", "logits", `llama_get_logits_ith of place ${index}`, "none");
    return found;
  }

  #hidden(index: number): Float32Array {
    const { llama, address } = this.#internals;
    const found = llama.hidden(address, index);
    if (found !== null) return found;
    throw expectedBut("RUNTIME", "a hidden state", `llama_get_embeddings_ith of place ${index}`, "none");
  }

  #withHidden(index: number, range: LogitRange): Float32Array {
    const [logits, hidden] = [this.#logits(index, range), this.#hidden(index)];
    const both = new Float32Array(logits.length + hidden.length);
    both.set(logits);
    both.set(hidden, logits.length);
    return both;
  }

  #requireRange({ first, count }: LogitRange): void {
    const range = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 1;
    if (range && first + count <= this.#vocabulary) return;
    const received = `${first} and the ${count} from there on`;
    throw expectedBut("INVALID_ARGUMENT", `some of ${this.#vocabulary} tokens`, "the range of logits", received);
  }

  /** What each of the sequences is given. */
  #checked(inputs: readonly Input[], sequences: readonly number[]): Added {
    const ascending = sequences.every((one, i) => this.#held[one] !== undefined && one > (sequences[i - 1] ?? -1));
    if (!ascending || sequences.length === 0) {
      const what = `some of the sequences 0 to ${this.#held.length - 1}, ascending`;
      throw expectedBut("INVALID_ARGUMENT", what, "a batch of sequences", sequences.join(", ") || "none");
    }
    if (inputs.length !== sequences.length) {
      throw expected("INVALID_ARGUMENT", `${sequences.length} lists`, "a batch of sequences", inputs.length);
    }
    const embedded = inputs.filter((input) => input instanceof Float32Array).length;
    if (embedded > 0 && embedded < inputs.length) {
      // One llama_decode takes either.
      throw expectedBut("INVALID_ARGUMENT", "tokens or embeddings for all sequences", "a batch of sequences", "both");
    }
    const width = this.#internals.embeddingDim;
    const counts = sequences.map((sequence, at) => {
      const [held, own] = [this.#held[sequence]!, inputs[at] ?? []];
      const count = own instanceof Float32Array ? own.length / width : own.length;
      this.#requireInput(own, count, sequence);
      const length = held.length + count;
      if (length > this.#context.contextSize) {
        const mend = "Create the context with a larger contextSize.";
        const what = `at most ${this.#context.contextSize} tokens, as the context holds,`;
        throw expected("CONTEXT_OVERFLOW", what, `sequence ${sequence}`, length, mend);
      }
      return { held, own, count };
    });
    const places = counts.flatMap(({ held, own, count }, at) =>
      Array.from({ length: count }, (_, i): Place => {
        const input = own instanceof Float32Array ? own.subarray(i * width, (i + 1) * width) : own[i]!;
        return { input, at, id: held.id, position: held.length + i, last: i === count - 1 };
      }),
    );
    return { counts, places };
  }

  #requireInput(input: Input, count: number, sequence: number): void {
    if (input instanceof Float32Array) {
      if (count >= 1 && Number.isInteger(count)) return;
      const what = `embeddings of ${this.#internals.embeddingDim} numbers, at least one,`;
      throw expectedBut("INVALID_ARGUMENT", what, `sequence ${sequence}`, `${input.length} numbers`);
    }
    if (count === 0) throw expected("INVALID_ARGUMENT", "at least one token", `sequence ${sequence}`, input);
    const bad = input.find((token) => !Number.isInteger(token) || token < 0 || token >= this.#vocabulary);
    if (bad === undefined) return;
    throw expected("INVALID_ARGUMENT", `a token from 0 to ${this.#vocabulary - 1}`, `sequence ${sequence}`, bad);
  }
}

/** Tokens, or embeddings of a batch in one. */
function joined(inputs: readonly (number | Float32Array)[]): number[] | Float32Array {
  const rows = inputs.filter((input) => input instanceof Float32Array);
  if (rows.length === 0) return inputs.filter((input) => typeof input === "number");
  const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}
