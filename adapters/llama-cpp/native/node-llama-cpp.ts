import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";
import type { LlamaContext, LlamaContextSequence } from "node-llama-cpp";
import type { VqraeError } from "../../../sdk/index.ts";
import { expected, expectedBut, packageFile } from "../../../sdk/kit.ts";
import { arrayType, loadKoffi } from "./koffi.ts";
import { layoutOf } from "./layout.ts";
import { type Address, type LlamaLibrary, loadedLibraryFile, openLlamaLibrary } from "./llama-library.ts";
import { requireNode } from "./runtime.ts";
import { unwrapObject } from "./unwrap-object.ts";
import { isVirtualToken } from "./virtual-tokens.ts";

/** The versions that are taken: from the oldest one that was tried to the next whole one. package.json says the same. */
export const SUPPORTED_VERSIONS = { from: [3, 21, 1], below: 4 } as const;

/** Words of an AddonModel that are looked through for its llama_model*. */
const MODEL_WORDS = 64;

interface AddonModel {
  tokenize(text: string, specialTokens: boolean): Uint32Array;
  detokenize(tokens: Uint32Array, specialTokens: boolean): string;
  getTokenAttributes(token: number): number;
  isEogToken(token: number): boolean;
}

interface AddonContext {
  getContextSize(): number;
  removeTokenCellsFromSequence(sequenceId: number, start: number, end: number): boolean;
  getSequenceKvCacheMaxPosition(sequenceId: number): number;
  getThreads(): number;
  setThreads(threads: number): void;
}

/** What a sequence asks its context to decode. */
export interface DecodeRequest {
  readonly sequenceId: number;
  /** Position of the first token. */
  readonly firstTokenSequenceIndex: number;
  readonly tokens: readonly number[];
  /** Sparse: true where the logits after a token are wanted. */
  readonly logits: readonly (boolean | undefined)[];
  readonly tokenMeter?: { useTokens(count: number, type: "input" | "output"): void };
  afterBatchAction?(sequenceStateLength: number): void | Promise<void>;
}

/** Pairs of a position and what was made of its logits. */
export type DecodeResults = [number, unknown][];
type DecodeTokens = (request: DecodeRequest, mapper: unknown) => Promise<DecodeResults>;

interface PrivateContext {
  readonly _ctx: AddonContext;
  readonly _loraAdapters: ReadonlySet<unknown>;
  _idealThreads: number;
  /** Sequences that were given back. The next one is the first of them. */
  readonly _unusedSequenceIds: number[];
  _decodeTokens: DecodeTokens;
  readonly _backendContextDisposeGuard: { createPreventDisposalHandle(): { dispose(): void } };
}

interface PrivateModel {
  readonly _model: AddonModel;
}

interface PrivateSequence {
  readonly _sequenceId: number;
}

type AcquireLock = (scope: readonly unknown[]) => Promise<{ dispose(): void }>;

/** Takes the hook of one instance away again. */
export type Unhook = () => void;

/**
 * A context of node-llama-cpp with what its public API lacks. All private parts of node-llama-cpp are reached in this
 * file, and in no other.
 *
 * node-llama-cpp has no input for embeddings (its issue 88). So a context's `llama_context*` is read out of its addon's
 * object, and three methods are shadowed on the instances at hand: the model's tokenizer and detokenizer, and the
 * context's queue of decodes.
 */
export class ContextInternals {
  readonly llama: LlamaLibrary;
  readonly address: Address;
  /** Numbers of each embedding that the model takes. */
  readonly embeddingDim: number;
  /** Most embeddings that can attend to each other. */
  readonly microBatchSize: number;
  readonly hasMultiAxisPositions: boolean;
  readonly #context: LlamaContext;
  readonly #private: PrivateContext;
  readonly #model: AddonModel;
  readonly #acquireLock: AcquireLock;

  private constructor(context: LlamaContext, llama: LlamaLibrary, address: Address, acquireLock: AcquireLock) {
    this.#context = context;
    this.#private = privateOf(context);
    this.#model = addonModelOf(context);
    this.#acquireLock = acquireLock;
    this.llama = llama;
    this.address = address;
    const model = llama.modelOf(address);
    this.embeddingDim = llama.inputWidth(model);
    this.microBatchSize = llama.microBatchSize(address);
    this.hasMultiAxisPositions = llama.hasMultiAxisPositions(model);
  }

  /** @throws MISSING_DEPENDENCY, UNSUPPORTED, INVALID_ARGUMENT, DISPOSED, RUNTIME */
  static async open(context: LlamaContext): Promise<ContextInternals> {
    const { LlamaContext, acquireLock } = await loadInternals();
    const layout = layoutOf(process.platform);
    if (!(context instanceof LlamaContext)) {
      throw expected(
        "INVALID_ARGUMENT",
        "a LlamaContext of the node-llama-cpp that is installed here",
        "context",
        context,
      );
    }
    if (context.disposed) throw disposedContext();
    const koffi = await loadKoffi();
    const unwrap = unwrapObject(koffi);
    const [ours, model] = [unwrap(privateOf(context)._ctx), unwrap(addonModelOf(context))];
    const wordAt = (base: bigint, offset: number) => BigInt(koffi.decode(base, offset, "uint64"));
    requireLayout(wordAt(ours, layout.model) === model, "the model's address", `byte ${layout.model}`);
    const sizes = arrayType(koffi, "uint32", 2, "Array");
    const [contextSize, batchSize]: readonly [number, number] = koffi.decode(ours, layout.params, sizes);
    requireLayout(contextSize === privateOf(context)._ctx.getContextSize(), "n_ctx", `byte ${layout.params}`);
    const address = wordAt(ours, layout.context);
    const modelWords: (number | bigint)[] = koffi.decode(model, arrayType(koffi, "uint64", MODEL_WORDS, "Array"));
    // A llama_context begins with the address of its llama_model, which the AddonModel holds too.
    const isContext =
      address !== 0n && address % 8n === 0n && modelWords.some((word) => BigInt(word) === wordAt(address, 0));
    requireLayout(isContext, "a llama_context", `byte ${layout.context}`);
    const llama = openLlamaLibrary(koffi, loadedLibraryFile());
    // llama.cpp makes a batch no larger than the context; node-llama-cpp asks for one more for sliding-window models.
    const batch = Math.min(batchSize, contextSize);
    const isSame = llama.contextSize(address) === contextSize && llama.batchSize(address) === batch;
    requireLayout(isSame, "a llama_context of the same size", `byte ${layout.context}`);
    requireLayout(Array.isArray(privateOf(context)._unusedSequenceIds), "a list", "_unusedSequenceIds");
    return new ContextInternals(context, llama, address, acquireLock);
  }

  get disposed(): boolean {
    return this.#context.disposed;
  }

  /** More threads than processors wait for each other: a token can take a thousand times as long. */
  limitThreads(): void {
    const most = availableParallelism();
    this.#private._idealThreads = Math.min(this.#private._idealThreads, most);
    // It is otherwise told with the first decode of its own, before which embeddings may be decoded.
    if (this.#private._ctx.getThreads() > most) this.#private._ctx.setThreads(most);
  }

  /**
   * The next sequences are those with the lowest numbers. Otherwise they come in the order in which earlier calls gave them
   * back, and llama.cpp computes a batch of sequences in parts where their numbers do not follow each other, which rounds
   * in another way.
   */
  orderFreeSequences(): void {
    this.#private._unusedSequenceIds.sort((a, b) => a - b);
  }

  /** Whether LoRA adapters change what the model's file says. */
  get hasAdapters(): boolean {
    return this.#private._loraAdapters.size > 0;
  }

  /** The tokens by the model's own tokenizer, without what is hooked in. */
  tokenize(text: string, specialTokens: boolean): number[] {
    return Array.from(Object.getPrototypeOf(this.#model).tokenize.call(this.#model, text, specialTokens));
  }

  /**
   * `split` cuts a text into pieces of text and runs of tokens that stand in place of text. It gives null for a text
   * without such runs. Every context of the model shares its tokenizer.
   */
  hookTokenizer(split: TextSplitter): Unhook {
    let splitters = hookedModels.get(this.#model);
    if (splitters === undefined) {
      splitters = new Set();
      hookedModels.set(this.#model, splitters);
      shadowTokenizer(this.#model, splitters);
    }
    splitters.add(split);
    return () => splitters.delete(split);
  }

  /** Calls `decode` in place of the context's own queue, which it gets as `own`. */
  hookDecoding(
    decode: (request: DecodeRequest, own: (request: DecodeRequest) => Promise<DecodeResults>) => Promise<DecodeResults>,
  ): Unhook {
    if (Object.hasOwn(this.#private, "_decodeTokens")) {
      const mend = "Dispose the earlier one first, or use it.";
      throw expectedBut("INVALID_ARGUMENT", "one vision", "this context", "a second one", mend);
    }
    const own = this.#private._decodeTokens;
    const hooked: DecodeTokens = (request, mapper) => decode(request, (part) => own.call(this.#context, part, mapper));
    shadow(this.#private, "_decodeTokens", hooked);
    const addon = this.#private._ctx;
    if (this.hasMultiAxisPositions) {
      // llama.cpp cannot shift positions of several axes: it aborts the process. Where cells remain behind those that are
      // removed, "false" makes node-llama-cpp decode the sequence again.
      const remove = addon.removeTokenCellsFromSequence.bind(addon);
      shadow(addon, "removeTokenCellsFromSequence", (sequenceId: number, start: number, end: number) =>
        end <= addon.getSequenceKvCacheMaxPosition(sequenceId) ? false : remove(sequenceId, start, end),
      );
    }
    return () => {
      Reflect.deleteProperty(this.#private, "_decodeTokens");
      Reflect.deleteProperty(addon, "removeTokenCellsFromSequence");
    };
  }

  /** Runs `work` while nothing else uses the context and nobody can dispose it. @throws DISPOSED */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const lock = await this.#acquireLock([this.#context, "context"]);
    try {
      if (this.disposed) throw disposedContext();
      const handle = this.#private._backendContextDisposeGuard.createPreventDisposalHandle();
      try {
        return await work();
      } finally {
        handle.dispose();
      }
    } finally {
      lock.dispose();
    }
  }

  /** Its number in the context, as llama.cpp counts sequences. */
  sequenceId(sequence: LlamaContextSequence): number {
    const { _sequenceId: id } = requireFields<PrivateSequence>(sequence, ["_sequenceId"]);
    return id;
  }

  /** Forgets a sequence's positions from `start` on. */
  removeFrom(sequenceId: number, start: number): void {
    if (!this.disposed) this.#private._ctx.removeTokenCellsFromSequence(sequenceId, start, 2 ** 31 - 1);
  }
}

export type TextSplitter = (text: string) => (string | readonly number[])[] | null;

const hookedModels = new WeakMap<AddonModel, Set<TextSplitter>>();

/** Stays for the model's life; without splitters it changes nothing. */
function shadowTokenizer(model: AddonModel, splitters: ReadonlySet<TextSplitter>): void {
  const own = { tokenize: model.tokenize.bind(model), detokenize: model.detokenize.bind(model) };
  const attributes = model.getTokenAttributes.bind(model);
  const isEndOfGeneration = model.isEogToken.bind(model);
  shadow(model, "tokenize", (text: string, specialTokens: boolean) => {
    for (const split of splitters) {
      const pieces = split(text);
      if (pieces === null) continue;
      const tokens: number[] = [];
      for (const piece of pieces) {
        if (typeof piece !== "string") tokens.push(...piece);
        else if (piece !== "") tokens.push(...own.tokenize(piece, specialTokens));
      }
      return Uint32Array.from(tokens);
    }
    return own.tokenize(text, specialTokens);
  });
  shadow(model, "detokenize", (tokens: Uint32Array, specialTokens: boolean) =>
    own.detokenize(
      tokens.filter((token) => !isVirtualToken(token)),
      specialTokens,
    ),
  );
  shadow(model, "getTokenAttributes", (token: number) => (isVirtualToken(token) ? 0 : attributes(token)));
  shadow(model, "isEogToken", (token: number) => !isVirtualToken(token) && isEndOfGeneration(token));
}

const shadow = (object: object, name: string, value: unknown): void => {
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
};

const privateOf = (context: LlamaContext): PrivateContext =>
  requireFields<PrivateContext>(context, [
    "_ctx",
    "_loraAdapters",
    "_idealThreads",
    "_decodeTokens",
    "_backendContextDisposeGuard",
  ]);
const addonModelOf = ({ model }: LlamaContext): AddonModel => requireFields<PrivateModel>(model, ["_model"])._model;

/**
 * An object by its private fields, as the versions that were tried have them.
 * @throws UNSUPPORTED where one is missing
 */
function requireFields<T extends object>(object: object, names: readonly (keyof T & string)[]): T {
  const has = (value: object): value is T => names.every((name) => name in value);
  if (has(object)) return object;
  throw expectedBut(
    "UNSUPPORTED",
    `the fields ${names.join(", ")}`,
    "an object of node-llama-cpp",
    "one without",
    install,
  );
}

function requireLayout(holds: boolean, what: string, place: string): void {
  if (holds) return;
  const received = `something else on ${process.platform}-${process.arch}`;
  const mend =
    "Only 64-bit builds of node-llama-cpp's own are known. Another version or a build of your own may differ.";
  throw expectedBut("UNSUPPORTED", what, `${place} of node-llama-cpp's AddonContext`, received, mend);
}

const disposedContext = (): VqraeError => {
  const mend = "Create another one.";
  return expectedBut("DISPOSED", "a context that is in use", "this call", "a disposed context", mend);
};

const range = `^${SUPPORTED_VERSIONS.from.join(".")}`;
const install = `Run \`npm install node-llama-cpp@${SUPPORTED_VERSIONS.from[0]} koffi\`.`;

/** Whether a version is one of those; a prerelease is none. */
export function isSupported(version: string): boolean {
  const { from, below } = SUPPORTED_VERSIONS;
  const [, major = 0, minor = 0, patch = 0] = (/^(\d+)\.(\d+)\.(\d+)$/.exec(version) ?? []).map(Number);
  if (major < from[0] || major >= below) return false;
  return minor > from[1] || (minor === from[1] && patch >= from[2]);
}

/** @throws MISSING_DEPENDENCY with the command that installs it; UNSUPPORTED in a runtime that is not Node 22.12 or newer */
export async function loadNodeLlamaCpp(): Promise<typeof import("node-llama-cpp")> {
  requireNode();
  try {
    return await import("node-llama-cpp");
  } catch (cause) {
    const received = `an import error on ${process.platform}-${process.arch}`;
    const what = "the package node-llama-cpp";
    throw expectedBut("MISSING_DEPENDENCY", what, "llama.cpp in this process", received, { mend: install, cause });
  }
}

/** What is installed, and the locks of its lifecycle-utils, which are those of one module. @throws UNSUPPORTED for its version */
async function loadInternals() {
  const { LlamaContext } = await loadNodeLlamaCpp();
  const entry = createRequire(packageFile("package.json")).resolve("node-llama-cpp");
  const { version }: { readonly version: string } = createRequire(entry)("../package.json");
  if (!isSupported(version)) {
    const mend = `Its private fields are used, which change. ${install}`;
    throw expected("UNSUPPORTED", range, "the version of node-llama-cpp", version, mend);
  }
  const locks = createRequire(entry).resolve("lifecycle-utils");
  const { acquireLock }: { readonly acquireLock: AcquireLock } = await import(pathToFileURL(locks).href);
  return { LlamaContext, acquireLock };
}
