import { InvalidArgumentError, InvalidResponseDataError } from "@ai-sdk/provider";
import { experimental_extract as extract, type Experimental_ExtractionStatePart as StatePart } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createVqrae, type VqraeProvider } from "../../../adapters/ai-sdk/index.ts";
import type { VisionLanguageModel, VlmMessage, VlmOptions } from "../../../adapters/vision-language-model.ts";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let vqrae: VqraeProvider;
let image: StatePart;
beforeAll(async () => {
  models = await loadTinyModels();
  vqrae = createVqrae({ languageModels: { tiny: models.vlm } });
  image = { type: "file", mediaType: "image/png", data: await encodePng(picture(40, 30)) };
}, 180_000);
afterAll(() => models[Symbol.asyncDispose]());

describe("a model of random weights", () => {
  const fields = {
    count: { type: "number", integer: true, instructions: "how many" },
    day: { type: "date" },
    at: { type: "time" },
    moment: { type: "datetime" },
    lasted: { type: "duration", unit: "days", integer: true },
  } as const;

  it("gives a value of each field's type, or none, and counts", async () => {
    const { answers, usage, warnings, response } = await extract({
      model: vqrae.extractionModel(),
      state: [image],
      fields,
      referenceDate: "2026-11-29",
      maxOutputTokens: 250,
    });
    expect(Object.keys(answers)).toEqual(Object.keys(fields));
    for (const [id, { type }] of Object.entries(fields)) expect(answers[id as "day"].type).toBe(type);
    expect(answers.count.confidence).toBeUndefined();
    expect(answers.count.value === null ? undefined : answers.count.source).toEqual(
      answers.count.value === null ? undefined : { type: "file", part: 0 },
    );
    expect(usage.inputTokens).toBeGreaterThan(20);
    expect(warnings).toEqual([]);
    expect(response.modelId).toBe("tiny");
  });

  it("draws more answers for a confidence, the same for a seed", async () => {
    const options = {
      model: vqrae.extractionModel(),
      state: [image],
      fields: { count: fields.count },
      maxOutputTokens: 60,
      providerOptions: { vqrae: { samples: 4, seed: 3 } },
    };
    const { answers, usage } = await extract(options);
    expect([0, 0.25, 0.5, 0.75, 1]).toContain(answers.count.confidence);
    expect([0, 0.25, 0.5, 0.75, 1]).toContain(answers.count.pNull);
    const again = await extract(options);
    expect([again.answers, again.usage]).toEqual([answers, usage]);
  });

  it("says that an answer was cut off, and refuses other options", async () => {
    const model = vqrae.extractionModel();
    const cut = { model, state: [image], fields, maxOutputTokens: 3, maxRetries: 0 };
    expect(InvalidResponseDataError.isInstance(await extract(cut).catch((error: unknown) => error))).toBe(true);
    const wrong = { ...cut, providerOptions: { vqrae: { samples: 0.5 } } };
    expect(InvalidArgumentError.isInstance(await extract(wrong).catch((error: unknown) => error))).toBe(true);
  });
});

describe("what the model says", () => {
  /** A model that says what it is given, and what it was asked. */
  function said(...answers: object[]) {
    const asked: [readonly VlmMessage[], VlmOptions][] = [];
    const chat: VisionLanguageModel["chat"] = async (messages, options = {}) => {
      asked.push([messages, options]);
      const text = JSON.stringify(answers[Math.min(asked.length, answers.length) - 1]);
      return { text, finishReason: "stop", promptTokens: 10, answerTokens: 5 };
    };
    const model = {
      specificationVersion: "v1",
      modelId: "said",
      chat,
      async *streamChat(messages, options) {
        const answer = await chat(messages, options);
        yield { text: answer.text };
        return answer;
      },
      [Symbol.asyncDispose]: async () => {},
    } satisfies VisionLanguageModel;
    return { asked, model: createVqrae({ languageModels: { said: model } }).extractionModel() };
  }
  const text = (value: string) => ({ type: "text", text: value }) as const;

  it("has the place in the text that it is from", async () => {
    const { model, asked } = said({ name: "Ada", born: "1815-12-10", of: ["London", "Paris"], price: 2.345 });
    const { answers } = await extract({
      model,
      state: [text("Ada of"), image, text("London, 1815-12-10"), { type: "json", value: { a: 1 } }],
      fields: {
        name: { type: "text", instructions: "the name" },
        born: { type: "date" },
        of: { type: "list", items: "text" },
        price: { type: "number", decimals: 2, unit: "EUR" },
      },
    });
    expect(answers).toEqual({
      name: { type: "text", value: "Ada", source: { type: "text", part: 0, start: 0, end: 3 } },
      born: { type: "date", value: "1815-12-10", source: { type: "text", part: 2, start: 8, end: 18 } },
      of: {
        type: "list",
        value: ["London", "Paris"],
        items: [{ source: { type: "text", part: 2, start: 0, end: 6 } }, {}],
      },
      price: { type: "number", value: 2.35 },
    });
    const [[message]] = asked[0]!;
    expect(message!.content.slice(0, 1)).toEqual(["Ada of"]);
    expect(message!.content.at(-1)).toMatch(
      /- name \(text\): the name\n- born \(date\)\n.*\n- price \(number in EUR\)$/,
    );
  });

  it("is null where it is none of its type", async () => {
    const { model } = said({ day: "2026-02-30", at: "25:00", lasted: -1, of: [1, "x"], count: null });
    const { answers } = await extract({
      model,
      state: [image],
      fields: {
        day: { type: "date" },
        at: { type: "time" },
        lasted: { type: "duration" },
        of: { type: "list", items: "number" },
        count: { type: "number" },
      },
    });
    expect(Object.values(answers).map(({ value }) => value)).toEqual([null, null, null, null, null]);
  });

  it("is as sure as the share of answers that agree", async () => {
    const one = (count: number | null) => ({ count });
    const { model, asked } = said(one(2), one(2), one(2), one(3), one(null));
    const { answers, usage } = await extract({
      model,
      state: [image],
      fields: { count: { type: "number" } },
      providerOptions: { vqrae: { samples: 4 } },
    });
    expect(answers.count).toMatchObject({ value: 2, confidence: 0.5, pNull: 0.25 });
    expect(usage).toMatchObject({ inputTokens: 50, outputTokens: 25 });
    expect(asked.map(([, { temperature, seed }]) => [temperature, seed])).toEqual([
      [undefined, undefined],
      [1, 0],
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
  });
});
