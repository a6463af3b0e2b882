import { Worker } from "node:worker_threads";
import { expectedBut } from "../../errors.ts";
import { workerFile } from "../../files/package-file.ts";
import { planInt8 } from "../../weights/int8/int8-plan.ts";
import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";
import { fromPlainError, type PlainError } from "../pool/protocol.ts";
import { Int8Cache } from "./int8-cache.ts";

export interface Int8WorkerSetup {
  /** A tree of weights; it survives structured cloning. */
  readonly weights: object;
  readonly folder: string;
}

export type Int8WorkerMessage =
  | { readonly groupsDone: number }
  | { readonly made: object }
  | { readonly error: PlainError };

/**
 * The int8 form of a tree of weights: the cached one, or one made in a worker thread. An abort acts between tensors, and no part
 * of a file is left.
 *
 * @throws UNSUPPORTED for a model without linears; what `Int8Cache.make` throws; RUNTIME for a thread that died; the signal's reason
 */
export async function makeInt8<T extends object>(
  weights: T,
  folder: string,
  { report, signal }: { report: (done: number, total: number) => void; signal: AbortSignal },
): Promise<AnyPrecision<T>> {
  const total = planInt8(weights).groups.length;
  if (total === 0) {
    const mend = 'Load it with precision "fp32".';
    throw expectedBut(
      "UNSUPPORTED",
      "a model of linears",
      'precision "int8"',
      "one without any, such as a convolutional one",
      mend,
    );
  }
  report(0, total);
  const made = (await new Int8Cache(folder).find(weights)) ?? (await inWorker());
  report(total, total);
  return made;

  function inWorker(): Promise<AnyPrecision<T>> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const worker = new Worker(workerFile("int8-worker"), {
        workerData: { weights, folder } satisfies Int8WorkerSetup,
        execArgv: [],
      });
      const stop = () => worker.postMessage("stop");
      signal.addEventListener("abort", stop, { once: true });
      let outcome = (): void =>
        reject(expectedBut("RUNTIME", "int8 weights", "a worker thread", "nothing before it ended"));
      let reported = 0;
      worker.on("message", (message: Int8WorkerMessage) => {
        if ("made" in message) outcome = () => resolve(message.made as AnyPrecision<T>);
        else if ("error" in message) outcome = () => reject(fromPlainError(message.error));
        else if (message.groupsDone > reported) {
          reported = message.groupsDone;
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
        outcome = () => reject(expectedBut("RUNTIME", "a living worker thread", "int8 weights", what, { cause }));
      });
      worker.on("exit", () => {
        signal.removeEventListener("abort", stop);
        if (signal.aborted) reject(signal.reason);
        else outcome();
      });
    });
  }
}
