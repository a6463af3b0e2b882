import { expectedBut } from "../../../sdk/kit.ts";
import { arrayType, bind, type Koffi, type NativeFunction, type NativeType } from "./koffi.ts";

/** llama.cpp's `llama_rope_type`s whose positions have several axes. */
const MULTI_AXIS_ROPE = new Set([8, 40]);

/** llama.cpp's LLAMA_POOLING_TYPE_NONE. */
const NO_POOLING = 0;

/** Rows of embeddings for one `llama_decode`. */
export interface EmbeddingBatch {
  /** n */
  readonly count: number;
  /** [n, width] */
  readonly data: Float32Array;
  /** [n], or [4, n] for a model with several axes (t, y, x and one unused). */
  readonly positions: Int32Array;
  readonly sequenceId: number;
}

/** What is appended to any number of sequences in one `llama_decode`: n places, of all sequences one after the other. */
export interface StepBatch {
  /** [n] tokens, or embeddings [n, width] in their stead. */
  readonly input: readonly number[] | Float32Array;
  readonly positions: readonly number[];
  readonly sequenceIds: readonly number[];
  /** True where what the model gives after a place is wanted. */
  readonly outputs: readonly boolean[];
}

/** A `llama_model*`, `llama_context*`. */
export type Address = bigint;

/** The functions of libllama that are called here; `llama.h` of llama.cpp v0.5.0 declares them. */
export interface LlamaLibrary {
  modelOf(context: Address): Address;
  contextSize(context: Address): number;
  batchSize(context: Address): number;
  /** Most tokens that one graph computes; a group of tokens that attend to each other must fit. */
  microBatchSize(context: Address): number;
  /** Numbers of each embedding that the model takes as input. */
  inputWidth(model: Address): number;
  hasMultiAxisPositions(model: Address): boolean;
  /** Tokens of the model's vocabulary: logits after a token. */
  vocabularySize(model: Address): number;
  /** Whether it keeps a state beside or in place of the cells of each position, from which no token can be taken back. */
  isRecurrent(model: Address): boolean;
  setCausalAttention(context: Address, causal: boolean): void;
  /** Runs in a thread of koffi's pool. Resolves to llama_decode's status: 0 is good, 1 is no room in the KV cache. */
  decode(context: Address, batch: EmbeddingBatch): Promise<number>;
  /** The same for several sequences; resolves when logits and hidden states are there. */
  decodeStep(context: Address, batch: StepBatch): Promise<number>;
  /** Sequence `to` becomes a copy of all that `from` holds. The next decode carries it out. */
  copySequence(context: Address, from: number, to: number): void;
  /**
   * A copy of the logits of the tokens `first` to `first + count - 1`, after token `index` of the batch that was
   * decoded last; null where no logits were asked for.
   */
  logits(context: Address, index: number, first: number, count: number): Float32Array | null;
  /** Whether the next decodes give `hidden` too. Those of all places of a batch are kept, with their logits. */
  setHidden(context: Address, wanted: boolean): void;
  /** Whether they are those of each place, rather than one of them all. */
  hasHiddenOfEach(context: Address): boolean;
  /** A copy of the last layer's output after its norm, [width], by the same index; null where none was asked for. */
  hidden(context: Address, index: number): Float32Array | null;
}

/** The file of the libllama that node-llama-cpp has already loaded into this process. */
export function loadedLibraryFile(): string {
  const report: { excludeNetwork?: boolean; getReport(): object } = process.report;
  const before = report.excludeNetwork ?? false;
  report.excludeNetwork = true; // or else it looks up names of hosts, for seconds
  const found = sharedObjectsOf(report.getReport()).filter((file) =>
    /[\\/](lib)?llama(\.[^\\/]*)?\.(so|dylib|dll)$/.test(file),
  );
  report.excludeNetwork = before;
  const own = found.filter((file) => file.includes("node-llama-cpp"));
  const [file] = own.length > 0 ? own : found;
  if (file !== undefined) return file;
  throw expectedBut(
    "RUNTIME",
    "libllama among the loaded libraries",
    "this process",
    "none",
    "Load the model with node-llama-cpp's getLlama() before using its context here.",
  );
}

const sharedObjectsOf = (report: object): string[] =>
  "sharedObjects" in report && Array.isArray(report.sharedObjects) ? report.sharedObjects.map(String) : [];

const opened = new Map<string, LlamaLibrary>();

/** Opened once: koffi keeps what it was told of functions until the process ends. @throws RUNTIME where the library lacks a function */
export function openLlamaLibrary(koffi: Koffi, file: string): LlamaLibrary {
  const library = opened.get(file) ?? open(koffi, file);
  opened.set(file, library);
  return library;
}

function open(koffi: Koffi, file: string): LlamaLibrary {
  const library = koffi.load(file);
  const find = (name: string, result: string, parameters: NativeType[]) => {
    try {
      return bind(library, name, result, parameters);
    } catch (cause) {
      throw expectedBut("RUNTIME", `the function ${name}`, file, "a library without it", { cause });
    }
  };
  const batchType = koffi.struct({
    n_tokens: "int32",
    token: "void*",
    embd: "void*",
    pos: "void*",
    n_seq_id: "void*",
    seq_id: "void*",
    logits: "void*",
  });
  const getModel = find("llama_get_model", "uint64", ["uint64"]);
  const contextSize = find("llama_n_ctx", "uint32", ["uint64"]);
  const batchSize = find("llama_n_batch", "uint32", ["uint64"]);
  const microBatchSize = find("llama_n_ubatch", "uint32", ["uint64"]);
  const inputWidth = find("llama_model_n_embd_inp", "int32", ["uint64"]);
  const ropeType = find("llama_model_rope_type", "int32", ["uint64"]);
  const setCausal = find("llama_set_causal_attn", "void", ["uint64", "bool"]);
  const getVocabulary = find("llama_model_get_vocab", "uint64", ["uint64"]);
  const vocabularySize = find("llama_vocab_n_tokens", "int32", ["uint64"]);
  const synchronize = find("llama_synchronize", "void", ["uint64"]);
  const memoryOf = find("llama_get_memory", "uint64", ["uint64"]);
  const removeCells = find("llama_memory_seq_rm", "bool", ["uint64", "int32", "int32", "int32"]);
  const copyCells = find("llama_memory_seq_cp", "void", ["uint64", "int32", "int32", "int32", "int32"]);
  const recurrent = find("llama_model_is_recurrent", "bool", ["uint64"]);
  const hybrid = find("llama_model_is_hybrid", "bool", ["uint64"]);
  const logitsOf = find("llama_get_logits_ith", "void*", ["uint64", "int32"]);
  const setEmbeddings = find("llama_set_embeddings", "void", ["uint64", "bool"]);
  const embeddingsOf = find("llama_get_embeddings_ith", "void*", ["uint64", "int32"]);
  const poolingType = find("llama_pooling_type", "int32", ["uint64"]);
  const width = find("llama_model_n_embd", "int32", ["uint64"]);
  const decode = find("llama_decode", "int32", ["uint64", batchType]);

  /** In a thread of koffi's pool. `kept` is memory that the native side reaches through addresses alone. */
  const call = <T>(native: NativeFunction, parameters: readonly unknown[], kept?: unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      native.async(...parameters, (error: unknown, result: T) => {
        void kept;
        if (error) reject(error);
        else resolve(result);
      });
    });
  const decodeBatch = (
    context: Address,
    inputs: { readonly token: Int32Array | null; readonly embd: Float32Array | null; readonly pos: Int32Array },
    sequenceIds: readonly number[],
    outputs: readonly boolean[],
  ): Promise<number> => {
    const count = sequenceIds.length;
    const ids = unmovable(Int32Array, sequenceIds);
    const start = BigInt(koffi.address(ids));
    const batch = {
      n_tokens: count,
      ...inputs,
      n_seq_id: new Int32Array(new ArrayBuffer(4 * count)).fill(1),
      seq_id: unmovable(
        BigUint64Array,
        sequenceIds.map((_, i) => start + BigInt(4 * i)),
      ),
      logits: unmovable(Int8Array, outputs.map(Number)),
    };
    return call(decode, [context, batch], [ids, batch]);
  };

  return {
    modelOf: (context) => BigInt(getModel(context)),
    contextSize: (context) => contextSize(context),
    batchSize: (context) => batchSize(context),
    microBatchSize: (context) => microBatchSize(context),
    inputWidth: (model) => inputWidth(model),
    hasMultiAxisPositions: (model) => MULTI_AXIS_ROPE.has(ropeType(model)),
    isRecurrent: (model) => recurrent(model) || hybrid(model),
    setCausalAttention: (context, causal) => setCausal(context, causal),
    vocabularySize: (model) => vocabularySize(getVocabulary(model)),
    decode: (context, { count, data, positions, sequenceId }) =>
      decodeBatch(
        context,
        { token: null, embd: data, pos: unmovable(Int32Array, positions) },
        Array.from({ length: count }, () => sequenceId),
        Array.from({ length: count }, () => false),
      ),
    decodeStep: async (context, { input, positions, sequenceIds, outputs }) => {
      const given =
        input instanceof Float32Array
          ? { token: null, embd: unmovable(Float32Array, input) }
          : { token: unmovable(Int32Array, input), embd: null };
      const inputs = { ...given, pos: unmovable(Int32Array, positions) };
      const status = await decodeBatch(context, inputs, sequenceIds, outputs);
      // A GPU is still at work when llama_decode returns, and who reads what it gives would wait for it in this thread.
      if (status === 0) await call(synchronize, [context]);
      return status;
    },
    copySequence: (context, from, to) => {
      const memory = memoryOf(context);
      removeCells(memory, to, -1, -1);
      // Sequences with buffers of their own are copied whole or not at all.
      copyCells(memory, from, to, -1, -1);
    },
    setHidden: (context, wanted) => setEmbeddings(context, wanted),
    hasHiddenOfEach: (context) => poolingType(context) === NO_POOLING,
    hidden: (context, index) => {
      const start = embeddingsOf(context, index);
      return start === null ? null : koffi.decode(start, arrayType(koffi, "float", width(getModel(context)), "Typed"));
    },
    logits: (context, index, first, count) => {
      const start = logitsOf(context, index);
      if (start === null) return null;
      return koffi.decode(start, 4 * first, arrayType(koffi, "float", count, "Typed"));
    },
  };
}

/** A list in memory that V8 cannot move: typed arrays below 64 bytes would otherwise live on its heap. */
function unmovable<T, A extends { set(values: ArrayLike<T>): void }>(
  type: { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): A },
  values: ArrayLike<T>,
): A {
  const array = new type(new ArrayBuffer(type.BYTES_PER_ELEMENT * values.length));
  array.set(values);
  return array;
}
