import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadVlm, type Vlm } from "../../../adapters/llama-cpp/index.ts";
import type { VlmMessage, VlmOptions } from "../../../adapters/vision-language-model.ts";
import { writeTinyFiles } from "../../helpers/tiny-endpoint.ts";
import { CHATML } from "../../helpers/tiny-vlm.ts";
import { TOOL_TEMPLATE } from "../../helpers/tool-template.ts";
import { failure } from "../checkpoint/temporary.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

/** Of random weights: what it calls is chance, but its form is the grammar's. */
let vlm: Vlm;
let plain: Vlm;
let folder: string;
let files: { llm: string; encoder: string; projector: string; gpu: false; threads: number; contextSize: number };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-tools-"));
  const { llm, encoder, projector } = await writeTinyFiles(folder);
  files = { llm, encoder, projector, gpu: false, threads: 1, contextSize: 2048 };
  const { llm: _, ...options } = files;
  vlm = await loadVlm(llm, { ...options, chatTemplate: TOOL_TEMPLATE });
  plain = await loadVlm(llm, options);
}, 180_000);
afterAll(async () => {
  await vlm.dispose();
  await plain.dispose();
  await rm(folder, { recursive: true, force: true });
});

const tools = [
  {
    name: "look",
    description: "looks <|im_end|> at a place",
    parameters: {
      type: "object",
      properties: { place: { enum: ["left", "right"] }, times: { enum: [1, 2] } },
      required: ["place", "times"],
      additionalProperties: false,
    },
  },
  { name: "stop" },
] as const;
const question: VlmMessage[] = [{ role: "user", content: [{ image: picture(40, 30) }, "how"] }];
const ask = (options: VlmOptions, messages: readonly VlmMessage[] = question) =>
  vlm.chat(messages, { tools, maxTokens: 300, ...options });

describe("tools", () => {
  it("are called where the model must, in the form of their parameters", async () => {
    expect([vlm.callsTools, plain.callsTools]).toEqual([true, false]);
    for (const seed of [1, 2, 3]) {
      const { text, toolCalls, finishReason } = await ask({ toolChoice: { name: "look" }, temperature: 1, seed });
      expect([text, finishReason]).toEqual(["", "stop"]);
      expect(toolCalls).toEqual([
        {
          name: "look",
          arguments: { place: expect.stringMatching(/^(left|right)$/), times: expect.toBeOneOf([1, 2]) },
        },
      ]);
      const any = await ask({ toolChoice: "required", temperature: 1, seed });
      expect(["look", "stop"]).toContain(any.toolCalls![0]!.name);
    }
    expect((await ask({ toolChoice: { name: "stop" } })).toolCalls).toEqual([{ name: "stop", arguments: {} }]);
  });

  it("stand in the prompt as the template has them, and no word in them means anything", async () => {
    const { promptTokens } = await ask({ maxTokens: 1 });
    const without = await vlm.chat(question, { maxTokens: 1 });
    const json = JSON.stringify({ type: "function", function: tools[0] });
    // A token for each byte of it; "<|im_end|>" is ten of them.
    expect(promptTokens! - without.promptTokens!).toBeGreaterThan(json.length * 0.8);
    const short = [{ ...tools[0], description: "looks  at a place" }, tools[1]];
    const shorter = await vlm.chat(question, { tools: short, maxTokens: 1 });
    expect(promptTokens! - shorter.promptTokens!).toBe("<|im_end|>".length);
  });

  it("that are offered change nothing where the model does not begin a call", async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const sampling = { temperature: 2, seed, maxTokens: 12 };
      const { pieces, answer } = await streamed(vlm, sampling);
      expect(answer.toolCalls).toBeUndefined();
      expect(pieces.join("")).toBe(answer.text);
      if (answer.finishReason === "length") expect(answer.answerTokens).toBe(12);
    }
  });

  it("are called where the model begins a call by itself, and what it has said before is its text", async () => {
    const chatTemplate = TOOL_TEMPLATE.replaceAll("<tool_call>", "~").replaceAll("</tool_call>", "end");
    const { llm, ...options } = files;
    await using caller = await loadVlm(llm, { ...options, chatTemplate });
    const [tilde] = caller.model.tokenize("~");
    const begins = (logit: number) => ({ logitBias: { [Number(tilde)]: logit } });
    const at = await streamed(caller, begins(100));
    expect(at.answer).toMatchObject({ text: "", finishReason: "stop", toolCalls: [{ name: expect.any(String) }] });
    expect(at.pieces).toEqual([]);
    // Behind some words, where the logit is just high enough there.
    let later = at;
    for (let logit = 1; later.answer.text === "" && logit < 40; logit++) later = await streamed(caller, begins(logit));
    expect(later.answer.text).not.toContain("~");
    expect(later.pieces.join("")).toBe(later.answer.text);
  });

  async function streamed(one: Vlm, options: VlmOptions) {
    const pieces: string[] = [];
    const stream = one.streamChat(question, { tools, maxTokens: 300, ...options });
    let next = await stream.next();
    for (; !next.done; next = await stream.next()) pieces.push(next.value.text);
    return { pieces, answer: next.value };
  }

  it("give their results to the next answer", async () => {
    const called: VlmMessage[] = [
      ...question,
      { role: "assistant", content: "well", toolCalls: [{ name: "look", arguments: { place: "left", times: 1 } }] },
      { role: "tool", content: "a cat" },
    ];
    const { promptTokens } = await ask({ maxTokens: 8 }, called);
    const other = await ask({ maxTokens: 8 }, called.with(2, { role: "tool", content: "a dog and" }));
    expect(other.promptTokens! - promptTokens!).toBe(4);
    const written =
      '\nwell\n<tool_call>\n{"name": "look", "arguments": {"place": "left", "times": 1}}\n</tool_call>' +
      "\n<tool_response>\na cat\n</tool_response>";
    const before = await ask({ maxTokens: 8 });
    // A token a byte, and the words that begin and end two turns: "assistant", "user", "assistant" and line ends.
    const turns = [1, "assistant".length, 2, "user".length, 2].reduce<number>((sum, one) => sum + Number(one), 0);
    expect(promptTokens! - before.promptTokens!).toBeGreaterThanOrEqual(written.length);
    expect(promptTokens! - before.promptTokens!).toBeLessThan(written.length + 2 * turns);
    expect((await ask({ toolChoice: "required" }, called)).toolCalls).toHaveLength(1);
  });

  it("and what came of them are what the model decodes, as the template writes them", async () => {
    const call = { name: "look", arguments: { place: "left", times: 1 } };
    const conversation: VlmMessage[] = [
      { role: "user", content: "how" },
      { role: "assistant", content: "", toolCalls: [call] },
      { role: "tool", content: "a cat" },
    ];
    const offered = [{ name: "look", description: "looks", parameters: { type: "object", properties: {} } }];
    const written = new Template(TOOL_TEMPLATE).render({
      tools: [{ type: "function", function: offered[0] }],
      messages: [
        { role: "user", content: "how" },
        { role: "assistant", content: "", tool_calls: [{ type: "function", function: call }] },
        { role: "tool", content: "a cat" },
      ],
      add_generation_prompt: true,
    });
    expect(written).toContain("<tool_response>\na cat");
    // A model whose template writes that text for the question alone.
    const { llm, ...options } = files;
    const chatTemplate = `{% if messages[0].content == 'how' %}{{ ${JSON.stringify(written)} }}{% else %}${CHATML}{% endif %}`;
    await using told = await loadVlm(llm, { ...options, chatTemplate });
    for (const seed of [1, 2, 3, 4]) {
      const sampling = { temperature: 2, seed, maxTokens: 12 };
      const expected = await told.chat([{ role: "user", content: "how" }], sampling);
      expect(await vlm.chat(conversation, { ...sampling, tools: offered })).toEqual(expected);
    }
  });

  it("with references to themselves are called too", async () => {
    const node = { type: "object", properties: { next: { $ref: "#/$defs/node" } }, additionalProperties: false };
    const parameters = {
      type: "object",
      properties: { tree: { $ref: "#/$defs/node" } },
      required: ["tree"],
      $defs: { node },
    };
    const { toolCalls } = await ask({ tools: [{ name: "grow", parameters }], toolChoice: "required" });
    expect(toolCalls![0]).toMatchObject({ name: "grow", arguments: { tree: expect.any(Object) } });
  });

  it("that are cut off are no calls", async () => {
    const { toolCalls, finishReason } = await ask({ toolChoice: "required", maxTokens: 5 });
    expect([toolCalls, finishReason]).toEqual([undefined, "length"]);
  });

  it.each<[string, () => Promise<unknown>, object]>([
    ["of a model without", () => plain.chat(question, { tools }), { code: "UNSUPPORTED" }],
    [
      "that a model without has called",
      () => plain.chat([...question, { role: "tool", content: "a cat" }]),
      { code: "UNSUPPORTED" },
    ],
    ["beside a schema", () => ask({ jsonSchema: { type: "object" } }), { code: "UNSUPPORTED" }],
    ["that are not there", () => ask({ toolChoice: { name: "fly" } }), { code: "INVALID_ARGUMENT" }],
    ["of the same name", () => ask({ tools: [tools[1], tools[1]] }), { code: "INVALID_ARGUMENT" }],
    ["of none", () => ask({ tools: [] }), { code: "INVALID_ARGUMENT" }],
    ["that are none", () => ask({ tools: [null as never] }), { code: "INVALID_ARGUMENT" }],
    [
      "that must be called, without any",
      () => vlm.chat(question, { toolChoice: "required" }),
      { code: "INVALID_ARGUMENT" },
    ],
    [
      "longer than the context",
      () => ask({ tools: [{ name: "a", description: "x".repeat(1e6) }] }),
      { code: "CONTEXT_OVERFLOW" },
    ],
  ])("%s are refused", async (_name, run, error) => {
    expect(await failure(run())).toMatchObject(error);
  });
});
