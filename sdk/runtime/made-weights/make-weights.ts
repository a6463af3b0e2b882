import { Worker } from "node:worker_threads";
import { expected, expectedBut, VqraeError } from "../../errors.ts";
import { workerFile } from "../../files/package-file.ts";
import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";
import { widenedBytes } from "../../weights/made/float-form.ts";
import type { Floats } from "../../weights/made/floats.ts";
import { fromPlainError } from "../pool/protocol.ts";
import { forms, type WeightsWorkerMessage, type WeightsWorkerSetup } from "./forms.ts";
import { WeightsCache } from "./weights-cache.ts";

/**
 * 16-bit weights that take less than this as float32 are left to onnxruntime, which widens them in a moment: a small model writes no
 * file into anybody's folders.
 */
const WIDENED_FROM_BYTES = 64 * 1024 * 1024;

export interface MakeOptions {
  /**
   * Called at the start, as the work goes on, and at the end. `detail` says where the result is kept; it is left out where that was
   * there already.
   */
  readonly report: (done: number, total: number, form: keyof typeof forms, detail?: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The int8 form of a tree of weights: the cached one, or one made in a worker thread. An abort acts between tensors, and no part
 * of a file is left.
 *
 * @param folder null where none may be used
 * @throws UNSUPPORTED for a model without linears; INVALID_ARGUMENT without a folder; what `WeightsCache.make` throws; RUNTIME for
 *   a thread that died; the signal's reason
 */
export async function makeInt8<T extends object>(
  weights: T,
  folder: string | null,
  options: MakeOptions,
): Promise<AnyPrecision<T>> {
  if (forms.int8.steps(weights) === 0) {
    const mend = 'Load it with precision "fp32".';
    const received = "one without any, such as a convolutional one";
    throw expectedBut("UNSUPPORTED", "a model of linears", 'precision "int8"', received, mend);
  }
  return (await cachedOrMade({ weights, form: "int8", folder: required(folder, "int8") }, options)) as AnyPrecision<T>;
}

/**
 * What of a tree of weights is float32 in a file of the cache, made in a worker thread the first time: quantized tensors, views with
 * strides, and 16-bit tensors where these are many. Where the file cannot be written, 16-bit tensors are left to onnxruntime,
 * and a warning of the process says so. Nothing is reported of a tree without any.
 *
 * @param folder null where none may be used: 16-bit tensors are left to onnxruntime
 * @throws as `makeInt8`, but for the model without linears
 */
export async function makeFloats(weights: object, folder: string | null, options: MakeOptions): Promise<Floats> {
  if (folder !== null && widenedBytes(weights) >= WIDENED_FROM_BYTES) {
    try {
      return (await cachedOrMade({ weights, form: "widened", folder }, options)) as Floats;
    } catch (error) {
      if (!VqraeError.isInstance(error) || error.code !== "IO_ERROR" || error.path !== folder) throw error;
      warnOnce(folder, error);
    }
  }
  if (forms.floats.steps(weights) === 0) return new Map();
  return (await cachedOrMade({ weights, form: "floats", folder: required(folder, "floats") }, options)) as Floats;
}

/** @throws INVALID_ARGUMENT */
function required(folder: string | null, form: keyof typeof forms): string {
  if (folder !== null) return folder;
  const mend = "These weights are made, and need a file: leave the option out, or name a folder.";
  throw expected("INVALID_ARGUMENT", "a folder", `option "cacheDir", for ${forms[form].name},`, false, mend);
}

/** Folders that could not be written, and that was said. */
const warned = new Set<string>();

function warnOnce(folder: string, { message }: VqraeError): void {
  if (warned.has(folder)) return;
  warned.add(folder);
  process.emitWarning(
    `16-bit weights are widened in memory, each time that they are loaded, since they cannot be kept. ${message}`,
    { type: "VqraeWarning", code: "VQRAE_NOT_KEPT" },
  );
}

async function cachedOrMade(setup: WeightsWorkerSetup, options: MakeOptions): Promise<object> {
  const { weights, folder } = setup;
  const { signal } = options;
  const form = forms[setup.form];
  const total = form.steps(weights);
  const report = (done: number, detail?: string) => options.report(done, total, setup.form, detail);
  const found = await new WeightsCache(folder, form).find(weights);
  if (found !== null) {
    report(0);
    report(total);
    return found;
  }
  const kept = `kept in ${folder}`;
  report(0, kept);
  const made = await inWorker();
  report(total, kept);
  return made;

  function inWorker(): Promise<object> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const worker = new Worker(workerFile("weights-worker"), { workerData: setup, execArgv: [] });
      const stop = () => worker.postMessage("stop");
      signal.addEventListener("abort", stop, { once: true });
      let outcome = (): void => reject(expectedBut("RUNTIME", form.name, "a worker thread", "nothing before it ended"));
      let reported = 0;
      worker.on("message", (message: WeightsWorkerMessage) => {
        if ("made" in message) outcome = () => resolve(message.made);
        else if ("error" in message) outcome = () => reject(fromPlainError(message.error));
        else if (message.done > reported) {
          reported = message.done;
          try {
            report(reported, kept);
          } catch (error) {
            reject(error);
            stop();
          }
        }
      });
      worker.on("error", (cause) => {
        const what = `one that died (${cause instanceof Error ? cause.message : String(cause)})`;
        outcome = () => reject(expectedBut("RUNTIME", "a living worker thread", form.name, what, { cause }));
      });
      worker.on("exit", () => {
        signal.removeEventListener("abort", stop);
        if (signal.aborted) reject(signal.reason);
        else outcome();
      });
    });
  }
}
