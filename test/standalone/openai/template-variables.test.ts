import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { loadVlm, type Vlm } from "../../../adapters/llama-cpp/index.ts";
import { createEndpoint, type Listening, listen } from "../../../adapters/openai/index.ts";
import { post, writeTinyFiles } from "../../helpers/tiny-endpoint.ts";
import { QWEN3 } from "../../helpers/tool-templates.ts";
import { failure } from "../checkpoint/temporary.ts";

/** As Qwen3's template has it: an answer without thoughts begins behind an empty one. */
const chatTemplate = `${QWEN3}{%- if add_generation_prompt and enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}`;

let folder: string;
/** The same model, told to think or not by the request, or when it was loaded. */
let free: Vlm;
let silent: Vlm;
let server: Listening;
const errors: unknown[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-variables-"));
  const { llm, encoder, projector } = await writeTinyFiles(folder);
  const options = { encoder, projector, gpu: false, threads: 1, contextSize: 512, chatTemplate } as const;
  free = await loadVlm(llm, options);
  silent = await loadVlm(llm, { ...options, chatTemplateKwargs: { enable_thinking: false } });
  server = await listen(await createEndpoint({ languageModels: [free], onError: (error) => errors.push(error) }), {
    port: 0,
  });
}, 180_000);
afterEach(() => expect(errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await free.dispose();
  await silent.dispose();
  await rm(folder, { recursive: true, force: true });
});

const messages = [{ role: "user" as const, content: "why" }];
const asked = { model: "tiny-vlm", max_tokens: 8, messages };

/** Answers of the three protocols. */
interface Said {
  readonly choices?: readonly [{ readonly message: { readonly content: string } }];
  readonly content?: readonly [{ readonly text: string }];
  readonly message?: { readonly content: string };
  readonly usage?: { readonly prompt_tokens?: number; readonly input_tokens?: number };
  readonly prompt_eval_count?: number;
}

describe("a variable of the chat template", () => {
  it.each<[string, string, object]>([
    ["chat", "/v1/chat/completions", { chat_template_kwargs: { enable_thinking: false } }],
    ["chat, as DashScope's clients", "/v1/chat/completions", { enable_thinking: false }],
    ["messages", "/v1/messages", { thinking: { type: "disabled" } }],
    ["Ollama's chat", "/api/chat", { max_tokens: null, think: false, stream: false, options: { num_predict: 8 } }],
  ])("reaches the template: %s", async (_name, path, fields) => {
    const expected = await silent.chat(messages, { maxTokens: 8 });
    expect(expected.promptTokens).toBeGreaterThan((await free.chat(messages, { maxTokens: 8 })).promptTokens!);
    const answer = await post(server.url + path, { ...asked, ...fields });
    const said = (await answer.json()) as Said;
    expect([answer.status, answer.headers.get("x-vqrae-warning")]).toEqual([200, null]);
    const text = said.choices?.[0].message.content ?? said.content?.[0].text ?? said.message?.content;
    const count = said.usage?.prompt_tokens ?? said.usage?.input_tokens ?? said.prompt_eval_count;
    expect([text, count]).toEqual([expected.text, expected.promptTokens]);
  });

  it.each<[string, object]>([
    ["that the template does not read", { chat_template_kwargs: { no_such_variable: 1 } }],
    ["that the server gives", { chat_template_kwargs: { messages: "x", tools: "x", add_generation_prompt: false } }],
    ["that is a function", { chat_template_kwargs: { raise_exception: "x", strftime_now: "x" } }],
    ["that is no plain value", { chat_template_kwargs: { enable_thinking: { a: 1 } } }],
    ["reasoning_effort of another template", { reasoning_effort: "low" }],
  ])("%s has no effect, and a warning says so", async (_name, fields) => {
    const expected = await free.chat(messages, { maxTokens: 8 });
    const answer = await post(`${server.url}/v1/chat/completions`, { ...asked, ...fields });
    const { usage } = (await answer.json()) as { usage: { prompt_tokens: number } };
    expect(usage.prompt_tokens).toBe(expected.promptTokens);
    expect(answer.headers.get("x-vqrae-warning")).toContain(`${Object.keys(fields)[0]} has no effect here`);
  });

  it("is refused by a model whose template does not read it", async () => {
    const other = free.chat(messages, { templateVariables: { no_such_variable: 1 } });
    expect(await failure(other)).toMatchObject({ code: "UNSUPPORTED" });
    const wrong = free.chat(messages, { templateVariables: { enable_thinking: null as never } });
    expect(await failure(wrong)).toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
