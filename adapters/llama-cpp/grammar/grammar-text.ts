import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { expectedBut, packageFile, workerFile } from "../../../sdk/kit.ts";
import type { GrammarWorkerAnswer, GrammarWorkerSetup, GrammarWorkerTask } from "./grammar-worker.ts";

/** A schema within the bounds takes milliseconds; most of the time goes to the thread's start. */
const TIME_LIMIT_MS = 10_000;
const MEMORY_MB = 256;
/** So long a thread waits for the next schema. */
const IDLE_MS = 60_000;

/** A thread that has nothing to do. One is kept. */
let idle: { readonly worker: Worker; readonly timer: NodeJS.Timeout } | undefined;

/**
 * The GBNF of a schema as node-llama-cpp writes it, made in a worker thread.
 * @throws INVALID_ARGUMENT for a schema that makes no grammar, or none in time; the signal's reason
 */
export function grammarText(schema: object, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const worker = take();
    let outcome = () => reject(noGrammar("one that ended the thread that makes its grammar"));
    const stop = (why: () => void) => {
      outcome = why;
      worker.removeAllListeners("message"); // an answer that is under way comes too late
      void worker.terminate();
    };
    const onAbort = () => stop(() => reject(signal.reason));
    const onTime = () => stop(() => reject(noGrammar(`one that takes more than ${TIME_LIMIT_MS / 1000} s`)));
    const timer = setTimeout(onTime, TIME_LIMIT_MS);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      silence(worker);
      outcome();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    worker.on("message", (answer: GrammarWorkerAnswer) => {
      outcome =
        "text" in answer ? () => resolve(answer.text) : () => reject(noGrammar(`one without (${answer.error})`));
      settle();
      keep(worker);
    });
    worker.on("error", (cause) => {
      outcome = () =>
        reject(noGrammar(`one that ended its thread (${cause instanceof Error ? cause.message : cause})`));
    });
    worker.on("exit", settle);
    worker.postMessage({ schema } satisfies GrammarWorkerTask);
  });
}

function take(): Worker {
  if (idle === undefined) {
    const entry = createRequire(packageFile("package.json")).resolve("node-llama-cpp");
    return new Worker(workerFile("grammar-worker"), {
      workerData: { nodeLlamaCpp: pathToFileURL(entry).href } satisfies GrammarWorkerSetup,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
  }
  const { worker, timer } = idle;
  clearTimeout(timer);
  idle = undefined;
  silence(worker);
  worker.ref();
  return worker;
}

function keep(worker: Worker): void {
  if (idle !== undefined) {
    void worker.terminate();
    return;
  }
  const end = () => {
    idle = undefined;
    void worker.terminate();
  };
  const timer = setTimeout(end, IDLE_MS).unref();
  worker.unref();
  worker.on("error", () => {}); // its exit follows
  worker.on("exit", () => {
    clearTimeout(timer);
    if (idle?.worker === worker) idle = undefined;
  });
  idle = { worker, timer };
}

/** Not all listeners: Node has its own, without which no message comes any more. */
function silence(worker: Worker): void {
  for (const event of ["message", "error", "exit"]) worker.removeAllListeners(event);
}

const noGrammar = (received: string) =>
  expectedBut("INVALID_ARGUMENT", "a JSON schema that makes a grammar", "the option jsonSchema", received);
