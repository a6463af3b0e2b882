import { type LanguageModelV4StreamPart, UnsupportedFunctionalityError } from "@ai-sdk/provider";
import { generateText, type ModelMessage, Output, stepCountIs, streamText, tool } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { createVqrae } from "../../../adapters/ai-sdk/index.ts";
import type { VlmMessage } from "../../../adapters/vision-language-model.ts";
import { biasToCall, loadToolModels, type ToolModels } from "../../helpers/tool-models.ts";
import { withoutRepeats } from "../../helpers/without-repeats.ts";

let models: ToolModels;
let vqrae: ReturnType<typeof createVqrae>;
beforeAll(async () => {
  models = await loadToolModels();
  vqrae = createVqrae({ languageModels: { caller: models.vlm, plain: models.plain } });
}, 180_000);
afterAll(async () => {
  await vqrae.dispose();
  await models[Symbol.asyncDispose]();
});

const inputSchema = z.object({ place: z.enum(["left", "right"]) });
const look = { description: "looks at a place", inputSchema };
const short = { prompt: "how", maxOutputTokens: 200, maxRetries: 0 };
const forced = { ...short, toolChoice: "required" as const, stopWhen: stepCountIs(2) };

describe("a model whose template has tools", () => {
  it("calls, and reads what came of it", async () => {
    const model = vqrae.languageModel("caller");
    const seen: string[] = [];
    const execute = async ({ place }: z.infer<typeof inputSchema>) => {
      seen.push(place);
      return { there: "a cat" };
    };
    const { steps, warnings } = await generateText({ model, ...forced, tools: { look: tool({ ...look, execute }) } });
    expect(warnings).toEqual([]);
    expect(steps.map(({ finishReason, text }) => [finishReason, text])).toEqual(Array(2).fill(["tool-calls", ""]));
    expect(seen).toEqual(Array(2).fill(expect.stringMatching(/^(left|right)$/)));
    // The call and its result are in the second prompt, as the model's own template writes them.
    const asked: VlmMessage = { role: "user", content: "how" };
    const call = { name: "look", arguments: { place: seen[0] } };
    const answered: VlmMessage[] = [
      asked,
      { role: "assistant", content: "", toolCalls: [call] },
      { role: "tool", content: JSON.stringify({ there: "a cat" }) },
    ];
    const count = async (messages: VlmMessage[]) => (await models.vlm.chat(messages, { maxTokens: 1 })).promptTokens!;
    const [first, second] = steps.map(({ usage }) => usage.inputTokens!);
    expect(second! - first!).toBe((await count(answered)) - (await count([asked])));
  });

  it("streams what it says and the call in the specification's order", async () => {
    const schema = z.toJSONSchema(inputSchema, { target: "draft-7" });
    const tools = [
      { type: "function" as const, name: "look", description: look.description, inputSchema: schema as object },
    ];
    const { later, text } = await biasToCall(models.vlm, [{ name: "look", parameters: schema }], "how");
    // The SDK has no bias of tokens: the model is asked by its own sampling.
    const biased = {
      specificationVersion: "v1" as const,
      modelId: "biased",
      callsTools: true,
      chat: (...[messages, options]: Parameters<typeof models.vlm.chat>) =>
        models.vlm.chat(messages, { ...options, ...later }),
      streamChat: (...[messages, options]: Parameters<typeof models.vlm.chat>) =>
        models.vlm.streamChat(messages, { ...options, ...later }),
      [Symbol.asyncDispose]: async () => {},
    };
    const model = createVqrae({ languageModels: { biased } }).languageModel();
    const { stream } = await model.doStream({
      prompt: [{ role: "user", content: [{ type: "text", text: "how" }] }],
      tools: tools.map(({ description: _, ...one }) => one),
      maxOutputTokens: 300,
    });
    const parts: LanguageModelV4StreamPart[] = [];
    for await (const part of stream) parts.push(part);
    const types = withoutRepeats(parts.map(({ type }) => type));
    expect(types).toEqual([
      "stream-start",
      "response-metadata",
      "text-start",
      "text-delta",
      "text-end",
      "tool-input-start",
      "tool-input-delta",
      "tool-input-end",
      "tool-call",
      "finish",
    ]);
    expect(parts.flatMap((part) => (part.type === "text-delta" ? [part.delta] : [])).join("")).toBe(text);
    expect(parts.at(-1)).toMatchObject({ finishReason: { unified: "tool-calls" } });
    const result = streamText({ model, ...short, maxOutputTokens: 300, tools: { look: tool({ inputSchema }) } });
    expect(await result.toolCalls).toMatchObject([{ toolName: "look", input: { place: expect.any(String) } }]);
  });

  it("calls nothing where it must not, nor what the provider would run", async () => {
    const model = vqrae.languageModel("caller");
    const plain = await generateText({ model, ...short, maxOutputTokens: 2 });
    const none = await generateText({
      model,
      ...short,
      maxOutputTokens: 2,
      tools: { look },
      toolChoice: "none",
    });
    expect(none.usage.inputTokens).toBe(plain.usage.inputTokens);
    const { warnings } = await model.doGenerate({
      prompt: [{ role: "user", content: [{ type: "text", text: "how" }] }],
      tools: [{ type: "provider", id: "openai.web_search", name: "web_search", args: {} }],
      maxOutputTokens: 2,
    });
    expect(warnings).toEqual([{ type: "unsupported", feature: "provider-defined tool openai.web_search" }]);
  });

  it("refuses tools beside a schema, and a picture of a tool", async () => {
    const model = vqrae.languageModel("caller");
    const both = { tools: { look }, output: Output.object({ schema: z.object({ a: z.boolean() }) }) };
    await expect(generateText({ model, ...short, ...both })).rejects.toSatisfy(
      UnsupportedFunctionalityError.isInstance,
    );
    const value = [{ type: "file" as const, mediaType: "image/png", data: { type: "data" as const, data: "AAAA" } }];
    const messages: ModelMessage[] = [
      { role: "user", content: "how" },
      { role: "assistant", content: [{ type: "tool-call", toolCallId: "1", toolName: "look", input: {} }] },
      {
        role: "tool",
        content: [{ type: "tool-result", toolCallId: "1", toolName: "look", output: { type: "content", value } }],
      },
    ];
    const asked = generateText({ model, messages, maxRetries: 0 });
    await expect(asked).rejects.toSatisfy(UnsupportedFunctionalityError.isInstance);
  });
});

describe("a model whose template has none", () => {
  it("refuses to call where it must, by name", async () => {
    const asked = generateText({ model: vqrae.languageModel("plain"), ...forced, tools: { look } });
    await expect(asked).rejects.toMatchObject({
      functionality: "toolChoice",
      message: expect.stringMatching(/calls no tools/),
    });
  });
});
