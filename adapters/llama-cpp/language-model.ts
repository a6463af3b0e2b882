import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { CustomBatchingPrioritizationStrategy, Llama, LlamaContext, LlamaModel } from "node-llama-cpp";
import * as z from "zod";
import { expected, expectedBut, option, parseOptions, requireSameFile, setFields } from "../../sdk/kit.ts";
import { readGguf } from "../gguf/index.ts";
import { checkLlm } from "./check/check-llm.ts";
import { returnFreedMemory } from "./native/freed-memory.ts";
import { type Gpu, openLlama } from "./native/open-llama.ts";
import { modelBytes, requireParts } from "./source/model-parts.ts";

export interface LanguageModelOptions {
  /** llama.cpp's device for the language model (default "auto": the best one that there is). No other is taken in its place. */
  readonly gpu?: Gpu;
  /** How many conversations the context holds and answers at a time (default 1). */
  readonly sequences?: number;
  /** Tokens that the context holds for each conversation (default: what the model was trained for, at most 4,096). */
  readonly contextSize?: number;
  /**
   * Threads of the language model (default: one for each 64 MB of it, at most the physical cores). Threads wait for each
   * other after every operation. More of them make a small model no faster, and many times as slow on a busy machine.
   */
  readonly threads?: number;
  /** Attention in one fused step: faster and smaller, and it rounds in another way (default: where the device has it). */
  readonly flashAttention?: boolean;
  /**
   * Whether the same call gives the same numbers whatever was asked before it and is asked beside it. Conversations are then computed
   * one after the other, each from its beginning. By default the next tokens of several go through one product, and what a sequence has
   * decoded already is used again: faster, but llama.cpp rounds a product by its size (log-probabilities differ by some 1e-4), so
   * that now and then another token is drawn.
   */
  readonly deterministic?: boolean;
  readonly onProgress?: (phase: "llm" | "context") => void;
  readonly signal?: AbortSignal;
}

export interface LanguageModel extends AsyncDisposable {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
}

const DEFAULT_CONTEXT = 4096;

export const languageModelOptions = {
  gpu: option.custom<Gpu>('one of "auto", "cuda", "vulkan", "metal", or false', (value) =>
    ["auto", "cuda", "vulkan", "metal", false].some((known) => known === value),
  ),
  sequences: option.integer(1),
  contextSize: option.integer(1),
  threads: option.integer(1),
  flashAttention: option.flag,
  deterministic: option.flag,
  onProgress: option.callback<(phase: "llm" | "context") => void>(),
  signal: option.signal,
} as const;
const schema = z.strictObject(languageModelOptions);

/**
 * Loads a GGUF file into llama.cpp, in this process, and makes a context for it.
 * @throws CHECKPOINT_NOT_FOUND, INVALID_ARGUMENT, INVALID_GGUF; MISSING_DEPENDENCY without node-llama-cpp or without the device
 *   that `gpu` names; UNSUPPORTED in Bun, Deno and Node before 22.12; the signal's reason after an abort
 */
export async function openLanguageModel(path: string, options: LanguageModelOptions = {}): Promise<LanguageModel> {
  const parsed = parseOptions(schema, options, "openLanguageModel");
  return openIn(() => openLlama(parsed.gpu ?? "auto"), path, parsed);
}

/**
 * The same, into a llama.cpp that may be starting already: `open` is called once the file is found sound. The options have been checked.
 * @throws as `openLanguageModel`
 */
export async function openIn(
  open: () => Promise<Llama>,
  path: string,
  options: z.infer<typeof schema>,
): Promise<LanguageModel> {
  const { sequences = 1, contextSize, threads, flashAttention, deterministic, onProgress, signal } = options;
  const file = await languageModelFile(path);
  const gguf = await readGguf(file);
  await checkLlm(gguf, file);
  onProgress?.("llm");
  const llama = await open();
  try {
    const model = await llama
      .loadModel({ modelPath: file, ...(signal && { loadSignal: signal }) })
      .catch((cause: unknown) => {
        signal?.throwIfAborted();
        const received = `one that llama.cpp does not load (${cause instanceof Error ? cause.message : cause})`;
        throw expectedBut("INVALID_GGUF", "the GGUF file of a text model", file, received, { cause });
      });
    // What llama.cpp has mapped must be what was checked.
    await requireSameFile(gguf.file, gguf.identity);
    onProgress?.("context");
    const context = await model.createContext({
      contextSize: contextSize ?? Math.min(model.trainContextSize, DEFAULT_CONTEXT),
      threads: threads ?? (await threadsFor(file, llama)),
      sequences,
      ...setFields({ flashAttention }),
      ...(deterministic && { batching: { itemPrioritizationStrategy: oneAtATime } }),
      ...(signal && { createSignal: signal }),
    });
    const dispose = async () => {
      await llama.dispose();
      await returnFreedMemory();
    };
    return { llama, model, context, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await llama.dispose();
    throw error;
  }
}

/** The conversation that has waited longest, alone. */
const oneAtATime: CustomBatchingPrioritizationStrategy = ({ items: [item], size }) =>
  item ? [{ item, processAmount: Math.min(item.tokens.length, size) }] : [];

const BYTES_PER_THREAD = 64 * 2 ** 20;

/** So that each has something to do between two waits, and no more than there are processors. */
async function threadsFor(file: string, { cpuMathCores }: Llama): Promise<number> {
  return Math.min(cpuMathCores, availableParallelism(), Math.ceil((await modelBytes(file)) / BYTES_PER_THREAD));
}

/**
 * The absolute path of a language model's file. Of a split one (`-00001-of-00003.gguf`) all parts must be there.
 * @throws INVALID_ARGUMENT, CHECKPOINT_NOT_FOUND
 */
export async function languageModelFile(path: unknown): Promise<string> {
  const file = await ggufFile(path, "llm", "the language model");
  await requireParts(file);
  return file;
}

/**
 * The absolute path of a file that is there.
 * @param option what a wrong argument is called, and `subject` a missing file
 * @throws INVALID_ARGUMENT, CHECKPOINT_NOT_FOUND
 */
export async function ggufFile(path: unknown, option: string, subject: string): Promise<string> {
  if (typeof path !== "string" || path === "") throw expected("INVALID_ARGUMENT", "a GGUF file", option, path);
  const file = resolve(path);
  const entry = await stat(file).catch(() => null);
  if (entry?.isFile()) return file;
  const other = entry?.isDirectory() ? "a folder there" : "a device, pipe or socket there";
  const received = entry === null ? "nothing there" : other;
  throw expectedBut("CHECKPOINT_NOT_FOUND", "a GGUF file", `${subject} ${file}`, received, { path: file });
}
