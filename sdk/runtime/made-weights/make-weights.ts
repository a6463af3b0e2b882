import { Worker } from "node:worker_threads";
import { expectedBut } from "../../errors.ts";
import { workerFile } from "../../files/package-file.ts";
import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";
import { fromPlainError } from "../pool/protocol.ts";
import { forms, type WeightsWorkerMessage, type WeightsWorkerSetup } from "./forms.ts";
import { WeightsCache } from "./weights-cache.ts";

export interface MakeOptions {
  /** Called at the start, as the work goes on, and at the end. */
  readonly report: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/**
 * The int8 form of a tree of weights: the cached one, or one made in a worker thread. An abort acts between tensors, and no part
 * of a file is left.
 *
 * @throws UNSUPPORTED for a model without linears; what `WeightsCache.make` throws; RUNTIME for a thread that died; the signal's
 *   reason
 */
export async function makeInt8<T extends object>(
  weights: T,
  folder: string,
  options: MakeOptions,
): Promise<AnyPrecision<T>> {
  if (forms.int8.steps(weights) === 0) {
    const mend = 'Load it with precision "fp32".';
    const received = "one without any, such as a convolutional one";
    throw expectedBut("UNSUPPORTED", "a model of linears", 'precision "int8"', received, mend);
  }
  return (await cachedOrMade({ weights, form: "int8", folder }, options)) as AnyPrecision<T>;
}

/**
 * A tree of weights whose quantized tensors, and views with strides, are float32 in a file of the cache, made in a worker thread the first time. A tree
 * without any is given back as it is, and nothing is reported.
 *
 * @throws as `makeInt8`, but for the model without linears
 */
export async function makeFloats<T extends object>(weights: T, folder: string, options: MakeOptions): Promise<T> {
  if (forms.floats.steps(weights) === 0) return weights;
  return (await cachedOrMade({ weights, form: "floats", folder }, options)) as T;
}

async function cachedOrMade(setup: WeightsWorkerSetup, { report, signal }: MakeOptions): Promise<object> {
  const { weights, folder } = setup;
  const form = forms[setup.form];
  const total = form.steps(weights);
  report(0, total);
  const made = (await new WeightsCache(folder, form).find(weights)) ?? (await inWorker());
  report(total, total);
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
            report(reported, total);
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
