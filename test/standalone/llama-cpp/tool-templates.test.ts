import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadVlm, type Vlm } from "../../../adapters/llama-cpp/index.ts";
import type { VlmMessage } from "../../../adapters/vision-language-model.ts";
import { type TinyFiles, writeTinyFiles } from "../../helpers/tiny-endpoint.ts";
import { HERMES, LLAMA, MISTRAL, QWEN3, QWQ } from "../../helpers/tool-templates.ts";

/** Of random weights: what they call is chance, but its form is the template's, by the grammar. */
let folder: string;
let files: TinyFiles;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-templates-"));
  files = await writeTinyFiles(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const tools = [
  {
    name: "look",
    parameters: {
      type: "object",
      properties: { place: { enum: ["left", 'a "}{" b'] } },
      required: ["place"],
      additionalProperties: false,
    },
  },
  { name: "stop" },
];
const question: VlmMessage = { role: "user", content: "how" };
const called = expect.toBeOneOf([
  { name: "look", arguments: { place: expect.toBeOneOf(["left", 'a "}{" b']) } },
  { name: "stop", arguments: {} },
]);

describe.each([
  ["Qwen3", QWEN3, true],
  ["QwQ", QWQ, true],
  ["Hermes", HERMES, true],
  ["Llama", LLAMA, false],
  ["Mistral", MISTRAL, true],
] as const)("a model with the template of %s", (_name, chatTemplate, callsSeveral) => {
  let vlm: Vlm;
  beforeAll(async () => {
    const { llm, encoder, projector } = files;
    vlm = await loadVlm(llm, { encoder, projector, gpu: false, threads: 1, contextSize: 4096, chatTemplate });
  }, 120_000);
  afterAll(() => vlm.dispose());

  it("calls one tool where it must", async () => {
    expect(vlm.callsTools).toBe(true);
    for (const seed of [1, 2, 3]) {
      const options = { tools, toolChoice: "required", temperature: 1, seed, maxTokens: 400 } as const;
      const { text, toolCalls, finishReason } = await vlm.chat([question], options);
      expect([text, toolCalls, finishReason]).toEqual(["", [called], "stop"]);
    }
  });

  it("calls several where it may, and one where its template has one", async () => {
    const counts = new Set<number>();
    // What stands between two calls begins with one of these. Random weights seldom choose it.
    const likely = ["\n", ","].map((text) => [Number(vlm.model.tokenize(text)[0]), 30]);
    const sampling = { temperature: 1, logitBias: Object.fromEntries(likely) };
    for (let seed = 1; seed <= 2; seed++) {
      const options = { tools, toolChoice: "required", parallelToolCalls: true, ...sampling, seed } as const;
      const { toolCalls = [] } = await vlm.chat([question], { ...options, maxTokens: 1500 });
      for (const call of toolCalls) expect(call).toEqual(called);
      counts.add(toolCalls.length);
    }
    expect(Math.max(...counts)).toSatisfy((most: number) => (callsSeveral ? most > 1 : most === 1));
    expect(Math.max(...counts)).toBeLessThanOrEqual(16);
  });

  it("is told what came of its calls", async () => {
    const call = (place: string, id: string) => ({ id, name: "look", arguments: { place } });
    const calls = [call("left", "x"), ...(callsSeveral ? [call("right", "y")] : [])];
    const results = calls.map(({ id }): VlmMessage => ({ role: "tool", content: `found ${id}`, toolCallId: id }));
    const conversation: VlmMessage[] = [question, { role: "assistant", content: "", toolCalls: calls }, ...results];
    const { promptTokens } = await vlm.chat(conversation, { tools, maxTokens: 2 });
    const before = await vlm.chat([question], { tools, maxTokens: 2 });
    // A token a byte.
    expect(promptTokens! - before.promptTokens!).toBeGreaterThan(JSON.stringify(calls[0]).length + "found x".length);
    // In the order of the calls, whatever the order of the results.
    const other = [conversation[0]!, conversation[1]!, ...results.toReversed()];
    const sampling = { tools, maxTokens: 8, temperature: 1, seed: 1 };
    expect(await vlm.chat(other, sampling)).toEqual(await vlm.chat(conversation, sampling));
  });
});
