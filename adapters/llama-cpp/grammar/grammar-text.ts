import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { expectedBut, packageFile, workerFile } from "../../../sdk/kit.ts";
import type { GrammarWorkerAnswer, GrammarWorkerTask } from "./grammar-worker.ts";

/** A schema within the bounds takes milliseconds; most of the time goes to the thread's start. */
const TIME_LIMIT_MS = 10_000;
const MEMORY_MB = 256;

/**
 * The GBNF of a schema as node-llama-cpp writes it, made in a worker thread.
 * @throws INVALID_ARGUMENT for a schema that makes no grammar, or none in time; the signal's reason
 */
export function grammarText(schema: object, signal: AbortSignal): Promise<string> {
  const entry = createRequire(packageFile("package.json")).resolve("node-llama-cpp");
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const worker = new Worker(workerFile("grammar-worker"), {
      workerData: { schema, nodeLlamaCpp: pathToFileURL(entry).href } satisfies GrammarWorkerTask,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    let outcome = () => reject(noGrammar("one that ended the thread that makes its grammar"));
    const stop = (why: () => void) => {
      outcome = why;
      void worker.terminate();
    };
    const onAbort = () => stop(() => reject(signal.reason));
    const onTime = () => stop(() => reject(noGrammar(`one that takes more than ${TIME_LIMIT_MS / 1000} s`)));
    const timer = setTimeout(onTime, TIME_LIMIT_MS);
    signal.addEventListener("abort", onAbort, { once: true });
    worker.on("message", (answer: GrammarWorkerAnswer) => {
      outcome =
        "text" in answer ? () => resolve(answer.text) : () => reject(noGrammar(`one without (${answer.error})`));
    });
    worker.on("error", (cause) => {
      outcome = () =>
        reject(noGrammar(`one that ended its thread (${cause instanceof Error ? cause.message : cause})`));
    });
    worker.on("exit", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      outcome();
    });
  });
}

const noGrammar = (received: string) =>
  expectedBut("INVALID_ARGUMENT", "a JSON schema that makes a grammar", "the option jsonSchema", received);
