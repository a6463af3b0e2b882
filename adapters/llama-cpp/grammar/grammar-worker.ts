import { parentPort, workerData } from "node:worker_threads";

/**
 * A worker thread that writes the grammars of JSON schemas, one after the other. node-llama-cpp does it on the thread of its caller, and
 * for a large schema that takes a second. Its own module is reached by its path, since the package exports it only as
 * a part of what needs llama.cpp; a test compares the text with that of `createGrammarForJsonSchema`.
 */
export interface GrammarWorkerSetup {
  /** The address of node-llama-cpp's entry. */
  readonly nodeLlamaCpp: string;
}

export interface GrammarWorkerTask {
  readonly schema: object;
}

export type GrammarWorkerAnswer = { readonly text: string } | { readonly error: string };

const { nodeLlamaCpp }: GrammarWorkerSetup = workerData;
const module = new URL("utils/gbnfJson/getGbnfGrammarForGbnfJsonSchema.js", nodeLlamaCpp);

async function answer({ schema }: GrammarWorkerTask): Promise<GrammarWorkerAnswer> {
  try {
    const {
      getGbnfGrammarForGbnfJsonSchema: write,
    }: { readonly getGbnfGrammarForGbnfJsonSchema: (one: object) => string } = await import(module.href);
    return { text: write(schema) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on("message", async (task: GrammarWorkerTask) => parentPort?.postMessage(await answer(task)));
