import { parentPort, workerData } from "node:worker_threads";

/**
 * A worker thread that writes the grammar of one JSON schema. node-llama-cpp does it on the thread of its caller, and for
 * a large schema that takes a second. Its own module is reached by its path, since the package exports it only as
 * a part of what needs llama.cpp; a test compares the text with that of `createGrammarForJsonSchema`.
 */
export interface GrammarWorkerTask {
  readonly schema: object;
  /** The address of node-llama-cpp's entry. */
  readonly nodeLlamaCpp: string;
}

export type GrammarWorkerAnswer = { readonly text: string } | { readonly error: string };

const { schema, nodeLlamaCpp }: GrammarWorkerTask = workerData;
const tell = (answer: GrammarWorkerAnswer) => parentPort?.postMessage(answer);
try {
  const module = new URL("utils/gbnfJson/getGbnfGrammarForGbnfJsonSchema.js", nodeLlamaCpp);
  const {
    getGbnfGrammarForGbnfJsonSchema: write,
  }: { readonly getGbnfGrammarForGbnfJsonSchema: (one: object) => string } = await import(module.href);
  tell({ text: write(schema) });
} catch (error) {
  tell({ error: error instanceof Error ? error.message : String(error) });
}
