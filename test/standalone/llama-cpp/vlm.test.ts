import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { VlmMessage } from "../../../adapters/llama-cpp/index.ts";
import { imageBytes } from "../../helpers/row-embedder.ts";
import { cat, dog, how, openTinyVlms, see } from "../../helpers/tiny-vlm.ts";

let tiny: Awaited<ReturnType<typeof openTinyVlms>>;
beforeAll(async () => {
  tiny = await openTinyVlms();
});
afterEach(() => tiny.closeVlms());
afterAll(() => tiny.dispose());

const short = { maxTokens: 8 };

describe("a conversation", () => {
  it("with images in any turn is answered as node-llama-cpp answers it", async () => {
    const { vlm } = await tiny.openVlm({ sequences: 2 });
    const session = await vlm.createSession("sys");
    const options = { temperature: 0, maxTokens: 8, repeatPenalty: false } as const;
    const first = await session.prompt(`see ${await vlm.vision.image(imageBytes(0))}`, options);
    const second = await session.prompt(`and ${await vlm.vision.image(imageBytes(1))} now`, options);
    const messages: VlmMessage[] = [
      { role: "system", content: "sys" },
      { role: "user", content: ["see ", { image: imageBytes(0) }] },
    ];
    expect((await vlm.chat(messages, short)).text).toBe(first);
    messages.push(
      { role: "assistant", content: first },
      { role: "user", content: ["and ", { image: imageBytes(1) }, " now"] },
    );
    const answer = await vlm.chat(messages, short);
    expect(answer).toMatchObject({ text: second });
    expect(answer.promptTokens).toBeGreaterThan(cat.length + dog.length);
  });

  it("takes images in the system prompt, and sees them", async () => {
    const { vlm } = await tiny.openVlm();
    const answers = [];
    for (const index of [0, 1]) {
      const system: VlmMessage = { role: "system", content: [{ image: imageBytes(index) }] };
      answers.push((await vlm.chat([system, ...how], short)).text);
    }
    expect(answers[0]).not.toBe(answers[1]);
  });

  it("comes in pieces, which are the whole answer", async () => {
    const { vlm } = await tiny.openVlm();
    const stream = vlm.streamChat([see(0)], short);
    const pieces: string[] = [];
    let next = await stream.next();
    for (; !next.done; next = await stream.next()) pieces.push(next.value.text);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe(next.value.text);
    expect(await vlm.ask(imageBytes(0), "abc", short)).toBe(next.value.text);
  });

  it("is not decoded again where it goes on, whoever asked in between", async () => {
    const { vlm, decodedTokens, embedded } = await tiny.openVlm({ sequences: 2 });
    const question = see(0);
    const { text, promptTokens } = await vlm.chat([question], short);
    await vlm.chat([see(1)], short);
    const before = decodedTokens();
    const next = await vlm.chat([question, { role: "assistant", content: text }, see(1, "now")], short);
    expect(decodedTokens() - before).toBeLessThanOrEqual(next.promptTokens! - promptTokens! + 8);
    expect(embedded).toEqual([0, 1]);
  });

  it("waits for its turn where all sequences are in use, and each gets its own answer", async () => {
    const { vlm } = await tiny.openVlm({ sequences: 2 });
    const alone = [await vlm.chat([see(0)], short), await vlm.chat([see(1)], short)];
    const indices = Array.from({ length: 12 }, (_, i) => i % 2);
    const answers = await Promise.all(indices.map((index) => vlm.chat([see(index)], short)));
    expect(answers).toEqual(indices.map((index) => alone[index]));
  });

  it("whose text looks like an image's place is text", async () => {
    const { vlm } = await tiny.openVlm();
    const place = await vlm.vision.image(imageBytes(0));
    const { promptTokens } = await vlm.chat([{ role: "user", content: place }], short);
    const { promptTokens: seen } = await vlm.chat([see(0, "")], short);
    expect(promptTokens).not.toBe(seen);
    const forged = await vlm.chat([{ role: "user", content: `\uFDD0${"a".repeat(22)}\uFDD1` }], short);
    expect(forged.promptTokens).toBe(promptTokens);
  });
});

describe("options", () => {
  it("samples by temperature, topK and topP as the seed says", async () => {
    const { vlm } = await tiny.openVlm();
    const sampled = (seed: number) => vlm.chat(how, { ...short, temperature: 1.5, topK: 40, topP: 0.95, seed });
    const [first, again, other] = [await sampled(7), await sampled(7), await sampled(8)];
    expect(again.text).toBe(first.text);
    expect(other.text).not.toBe(first.text);
    // topK 1 leaves only the likeliest, whatever the temperature.
    const likeliest = await vlm.chat(how, { ...short, temperature: 1.5, topK: 1, seed: 7 });
    expect(likeliest.text).toBe((await vlm.chat(how, short)).text);
  });

  it("ends before a stop text", async () => {
    const { vlm } = await tiny.openVlm();
    const { text } = await vlm.chat(how, { maxTokens: 24 });
    const stop = text.match(/[a-z]{2}/)![0];
    const answer = await vlm.chat(how, { maxTokens: 24, stop: ["never to be said", stop] });
    expect(answer).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: "stop" });
  });

  it("keeps to a JSON schema", async () => {
    const { vlm } = await tiny.openVlm();
    const jsonSchema = {
      type: "object",
      properties: { n: { enum: [1, 2] }, kind: { anyOf: [{ const: "cat" }, { $ref: "#/$defs/dog" }] } },
      required: ["n"],
      additionalProperties: false,
      $defs: { dog: { const: "dog" } },
    };
    const { text, finishReason } = await vlm.chat([see(0)], { maxTokens: 100, jsonSchema });
    expect(finishReason).toBe("stop");
    const value = JSON.parse(text);
    expect([1, 2]).toContain(value.n);
    expect(["cat", "dog"]).toContain(value.kind);
  });

  it.each<[string, object, RegExp]>([
    ["a pattern", { type: "string", pattern: "a+" }, /pattern/],
    ["a bound", { type: "object", properties: { n: { type: "integer", minimum: 3 } } }, /properties\.n.*minimum/],
    ["allOf", { allOf: [{ type: "string" }, { type: "null" }] }, /allOf/],
    ["a reference to elsewhere", { $ref: "http://example.com" }, /\$defs/],
    ["another format", { type: "string", format: "email" }, /email/],
  ])("refuses a JSON schema with %s", async (_name, jsonSchema, message) => {
    const { vlm } = await tiny.openVlm();
    await expect(vlm.chat(how, { jsonSchema })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(message),
    });
  });

  it("ends at the context's end", async () => {
    const { vlm } = await tiny.openVlm({ contextSize: 256 });
    const answer = await vlm.chat([see(0)], { maxTokens: 10_000 });
    expect(answer.finishReason).toBe("length");
    expect(answer.promptTokens! + answer.answerTokens!).toBeLessThan(256);
    await expect(vlm.chat([see(0, "word ".repeat(300))], short)).rejects.toMatchObject({
      code: "CONTEXT_OVERFLOW",
      message: expect.stringContaining("contextSize"),
    });
    expect((await vlm.chat(how, short)).answerTokens).toBe(8);
  });
});

describe("the end of the work", () => {
  it("comes with a signal, during the answer and while waiting", async () => {
    const { vlm } = await tiny.openVlm();
    const controller = new AbortController();
    const reason = new Error("enough");
    const stream = vlm.streamChat([see(0)], { maxTokens: 400, signal: controller.signal });
    await stream.next();
    const waiting = vlm.chat(how, { ...short, signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    const rest = (async () => {
      while (!(await stream.next()).done);
    })();
    await expect(rest).rejects.toBe(reason);
    await expect(vlm.chat(how, { signal: controller.signal })).rejects.toBe(reason);
    expect((await vlm.chat(how, short)).answerTokens).toBe(8);
  });

  it("comes with leaving the loop, which frees the sequence", async () => {
    const { vlm } = await tiny.openVlm();
    const { text } = await vlm.chat(how, short);
    for await (const _ of vlm.streamChat([see(0)], { maxTokens: 400 })) break;
    expect((await vlm.chat(how, short)).text).toBe(text);
  });

  it("comes with dispose, with DISPOSED", async () => {
    const { vlm } = await tiny.openVlm();
    const stream = vlm.streamChat(how, { maxTokens: 400 });
    await stream.next();
    await vlm.dispose();
    const rest = (async () => {
      while (!(await stream.next()).done);
    })();
    await expect(rest).rejects.toMatchObject({ code: "DISPOSED" });
    await expect(vlm.chat(how)).rejects.toMatchObject({ code: "DISPOSED" });
  });
});

describe("sessions", () => {
  it("take a sequence that an answer left, and say so when none is left", async () => {
    const { vlm } = await tiny.openVlm();
    await vlm.chat(how, short);
    const session = await vlm.createSession();
    await expect(vlm.createSession()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(vlm.chat(how, short)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("sequences"),
    });
    await session.sequence.dispose();
    expect((await vlm.chat(how, short)).answerTokens).toBe(8);
  });
});

describe("bad input is refused before anything runs", () => {
  const user = { role: "user", content: "hello" } as const;
  it.each<[string, unknown, object]>([
    ["no messages", [], {}],
    ["what is no list", "hello", {}],
    ["another role", [{ role: "function", content: "x" }], {}],
    ["an answer at the end", [user, { role: "assistant", content: "x" }], {}],
    ["an image in an answer", [{ role: "assistant", content: [{ image: imageBytes(0) }] }, user], {}],
    ["content that is a number", [{ role: "user", content: 7 }], {}],
    ["a part that is a number", [{ role: "user", content: [7] }], {}],
    ["null", [null], {}],
    ["maxTokens 0", [user], { maxTokens: 0 }],
    ["maxTokens 1.5", [user], { maxTokens: 1.5 }],
    ["temperature -1", [user], { temperature: -1 }],
    ["temperature NaN", [user], { temperature: Number.NaN }],
    ["topK -1", [user], { topK: -1 }],
    ["topP 0", [user], { topP: 0 }],
    ["topP 2", [user], { topP: 2 }],
    ["seed 0.5", [user], { seed: 0.5 }],
    ["an empty stop text", [user], { stop: [""] }],
    ["stop that is no list", [user], { stop: "x" }],
    ["a schema that is a text", [user], { jsonSchema: "{}" }],
    ["a schema with a list for a schema", [user], { jsonSchema: { type: "array", prefixItems: {} } }],
  ])("%s", async (_name, messages, options) => {
    const { vlm, embedded } = await tiny.openVlm();
    await expect(vlm.chat(messages as VlmMessage[], options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(embedded).toEqual([]);
  });
});
