import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadVlm, type Vlm } from "../../adapters/llama-cpp/index.ts";
import { createEndpoint, type EndpointOptions, type Listening, listen } from "../../adapters/openai/index.ts";
import type { VlmTool } from "../../adapters/vision-language-model.ts";
import { writeTinyFiles } from "./tiny-endpoint.ts";
import { TOOL_TEMPLATE } from "./tool-template.ts";

/** One token of the tiny vocabulary in place of Qwen's word, so that a bias of it makes a model of random weights call. */
const BEGIN = "~";
const template = TOOL_TEMPLATE.replaceAll("<tool_call>", BEGIN).replaceAll("</tool_call>", "end");

/**
 * How a model is brought to call where it is free to: by a bias at once, or by chance behind some words.
 * @returns `later`: sampling with which it says `text` and calls
 */
export async function biasToCall(vlm: Vlm, tools: readonly VlmTool[], question: string) {
  const [token] = vlm.model.tokenize(BEGIN);
  const biasOf = (logit: number) => ({ [Number(token)]: logit });
  for (let seed = 1; seed < 50; seed++) {
    const later = { temperature: 2, seed, logitBias: biasOf(12) };
    const { text, toolCalls } = await vlm.chat([{ role: "user", content: question }], {
      tools,
      maxTokens: 300,
      ...later,
    });
    if (text !== "" && toolCalls !== undefined) return { atOnce: biasOf(100), later, text };
  }
  throw new Error("the model calls at once, or never");
}

/** Of random weights: what they call is chance, but its form is the grammar's. */
export interface ToolModels extends AsyncDisposable {
  /** "tiny-vlm", whose template has tools. */
  readonly vlm: Vlm;
  /** "tiny-generator", whose template has none. */
  readonly plain: Vlm;
}

export async function loadToolModels(): Promise<ToolModels> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-tools-"));
  const { llm, encoder, projector, generator } = await writeTinyFiles(folder);
  const options = { encoder, projector, gpu: false, threads: 1, contextSize: 2048 } as const;
  const vlm = await loadVlm(llm, { ...options, chatTemplate: template });
  const plain = await loadVlm(generator, options);
  return {
    vlm,
    plain,
    async [Symbol.asyncDispose]() {
      await vlm.dispose();
      await plain.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface ToolServer extends Listening, Pick<ToolModels, "vlm"> {
  readonly errors: unknown[];
}

/** Both behind an endpoint; `close` disposes them. */
export async function serveToolModels(options: EndpointOptions = {}): Promise<ToolServer> {
  const models = await loadToolModels();
  const { vlm, plain } = models;
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const endpoint = await createEndpoint({ languageModels: [vlm, plain], onError, ...options });
  const server = await listen(endpoint, { port: 0 });
  const close = async () => {
    await server.close();
    await models[Symbol.asyncDispose]();
  };
  return { ...server, vlm, errors, close };
}
