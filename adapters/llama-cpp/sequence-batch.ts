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
  /** In the batch of sequences, and its number in the context. */
  readonly sequence: number;
  readonly id: number;
  readonly position: number;
  /** Whether it is the last that its sequence is given. */
  readonly last: boolean;
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
    this.#requireRange(range);
    const places = this.#placesOf(tokens);
    return this.#decoding(tokens, () => this.#decode(places, (index) => this.#logits(index, range)));
  }

  /**
   * Appends tokens, or embeddings [n, width] in their stead, to each of the sequences, and reads the hidden state behind the
   * model's last norm at the last place of each.
   *
   * @returns for each sequence [width] numbers
   * @throws as `append`; INVALID_ARGUMENT for embeddings of another width; INCOMPATIBLE for a model that pools them
   */
  async hiddenStates(inputs: readonly (readonly number[])[] | readonly Float32Array[]): Promise<Float32Array[]> {
    const { llama, address } = this.#internals;
    if (!llama.hasHiddenStateOfEach(address)) {
      const received = "one that pools them, as a model of text embeddings does";
      throw expectedBut("INCOMPATIBLE", "a language model with a hidden state for each token", "the context", received);
    }
    const places = this.#placesOf(inputs);
    return this.#decoding(inputs, async () => {
      // llama.cpp keeps hidden states of all places of a batch, with their logits: so those before the last go by themselves.
      await this.#decode(places.filter(({ last }) => !last));
      llama.keepHiddenStates(address, true);
      try {
        const ends = places.filter(({ last }) => last);
        return await this.#decode(ends, (index) => this.#hiddenState(index));
      } finally {
        llama.keepHiddenStates(address, false);
      }
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
  async #decoding<T>(inputs: readonly Input[], work: () => Promise<T>): Promise<T> {
    const result = await this.#internals.exclusively(async () => {
      try {
        return await work();
      } catch (error) {
        for (const { id, length } of this.#held) this.#internals.removeFrom(id, length);
        throw error;
      }
    });
    for (const [i, held] of this.#held.entries()) held.length += this.#countOf(inputs[i] ?? []);
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
      for (const [i, { sequence, last }] of part.entries()) if (last) found[sequence] = read(i);
    }
    return found;
  }

  #logits(index: number, { first, count }: LogitRange): Float32Array {
    const { llama, address } = this.#internals;
    const found = llama.logits(address, index, first, count);
    if (found === null) throw expectedBut("RUNTIME", "logits", `llama_get_logits_ith of place ${index}`, "none");
    return found;
  }

  #hiddenState(index: number): Float32Array {
    const { llama, address, embeddingDim } = this.#internals;
    const found = llama.hiddenState(address, index, embeddingDim);
    if (found === null) {
      throw expectedBut("RUNTIME", "a hidden state", `llama_get_embeddings_ith of place ${index}`, "none");
    }
    return found;
  }

  #requireRange({ first, count }: LogitRange): void {
    const range = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 1;
    if (range && first + count <= this.#vocabulary) return;
    const received = `${first} and the ${count} from there on`;
    throw expectedBut("INVALID_ARGUMENT", `some of ${this.#vocabulary} tokens`, "the range of logits", received);
  }

  #countOf(input: Input): number {
    return input instanceof Float32Array ? input.length / this.#internals.embeddingDim : input.length;
  }

  /** What is appended, checked. */
  #placesOf(inputs: readonly Input[]): Place[] {
    if (inputs.length !== this.#held.length) {
      const what = `${this.#held.length} lists`;
      throw expected("INVALID_ARGUMENT", what, "a batch of sequences", inputs.length);
    }
    const embedded = inputs.filter((input) => input instanceof Float32Array).length;
    if (embedded > 0 && embedded < inputs.length) {
      // One llama_decode takes either.
      throw expectedBut("INVALID_ARGUMENT", "tokens or embeddings for all sequences", "a batch of sequences", "both");
    }
    return this.#held.flatMap((held, sequence) => {
      const own = inputs[sequence] ?? [];
      const count = this.#countOf(own);
      this.#requireInput(own, count, sequence);
      const length = held.length + count;
      if (length > this.#context.contextSize) {
        const mend = "Create the context with a larger contextSize.";
        const what = `at most ${this.#context.contextSize} tokens, as the context holds,`;
        throw expected("CONTEXT_OVERFLOW", what, `sequence ${sequence}`, length, mend);
      }
      const width = this.#internals.embeddingDim;
      return Array.from({ length: count }, (_, i): Place => {
        const input = own instanceof Float32Array ? own.subarray(i * width, (i + 1) * width) : (own[i] ?? 0);
        return { input, sequence, id: held.id, position: held.length + i, last: i === count - 1 };
      });
    });
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
