import fc from "fast-check";
import { getLlama, type Llama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GenerationEvent, type ImageGenerator, loadGenerator } from "../../../adapters/generation/index.ts";
import { promptTokens } from "../../../adapters/generation/vocabulary/prompt.ts";
import { VQRAE } from "../../../sdk/index.ts";
import { logLikelihood } from "../../../sdk/kit.ts";
import { collect } from "../../helpers/generated.ts";
import { brokenRows, type TinyGenerator, tinyGeneratorFolder } from "../../helpers/tiny-generator.ts";

/** 4 x 4 ids of 64, three drawings together. */
const folder = tinyGeneratorFolder();
const SETTINGS = { gpu: false, threads: 1, contextSize: 400, imagesAtOnce: 3 } as const;
let source: TinyGenerator;
let tokenizer: VQRAE;
let generator: ImageGenerator;
let llama: Llama;
beforeAll(async () => {
  source = await folder.write("generator.gguf", { sampling: { guidanceScale: 3, temperature: 2 } });
  tokenizer = await VQRAE.load(source.tokenizer);
  generator = await loadGenerator({ ...source, tokenizer }, SETTINGS);
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
});
afterAll(async () => {
  await generator.dispose();
  await tokenizer.dispose();
  await llama.dispose();
  await folder.remove();
});

/** ln p of the ids behind the prompt, by node-llama-cpp's own evaluation of the whole sequence. */
async function evaluated(ids: Int32Array): Promise<number> {
  const { vocabulary } = source;
  const model = await llama.loadModel({ modelPath: source.llm });
  const context = await model.createContext({ contextSize: 256, threads: 1 });
  const prompt = await promptTokens(vocabulary, "hello", null, (text, { special, inner }) =>
    model.tokenize(text, special, inner ? "trimLeadingSpace" : undefined),
  );
  const tokens = [...prompt, ...Array.from(ids, (id) => id + vocabulary.firstToken)];
  const sequence = context.getSequence();
  const results = await sequence.controlledEvaluate(
    tokens.map((token) => [token as Token, { generateNext: { logits: true } }] as const) as never,
  );
  let sum = 0;
  for (const [i, id] of ids.entries()) {
    const logits = results[prompt.length - 1 + i]!.next.logits as unknown as Map<number, number>;
    const visual = Array.from({ length: vocabulary.codebookSize }, (_, k) => logits.get(vocabulary.firstToken + k)!);
    const total = visual.map(Math.exp).reduce((a, b) => a + b, 0);
    sum += visual[id]! - Math.log(total);
  }
  await model.dispose();
  return sum;
}

it("a log-likelihood is that of the softmax, whatever is added to all logits", () => {
  const logits = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(logits, fc.nat(1000), fc.nat(29), (values, shift, at) => {
      const id = at % values.length;
      const total = values.map((value) => Math.exp(value)).reduce((a, b) => a + b, 0);
      const found = logLikelihood(
        Float32Array.from(values, (value) => value + shift),
        id,
      );
      expect(found).toBeCloseTo(values[id]! - Math.log(total), 9);
    }),
  );
  expect(logLikelihood(Float32Array.of(0, Number.NEGATIVE_INFINITY), 0)).toBe(0);
});

describe("the best of several drawings", () => {
  it("is the one whose ids the prompt makes likeliest, without guidance and at temperature 1", async () => {
    const drawings = await generator.generateImages("hello", { n: 5, seed: 20 });
    const likelihoods: number[] = [];
    for (const { ids } of drawings) likelihoods.push(await evaluated(ids));
    const [best] = [...likelihoods.keys()].sort((a, b) => likelihoods[b]! - likelihoods[a]!);
    expect(best).not.toBe(0); // else the first would do
    const images = await generator.generateImages("hello", { bestOf: 5, seed: 20 });
    expect(images).toEqual([{ ...drawings[best!]!, index: 0 }]);
  });

  it("is taken for each image among its own, whatever is drawn together", async () => {
    const call = fc.record({
      n: fc.integer({ min: 1, max: 3 }),
      bestOf: fc.integer({ min: 1, max: 5 }),
      seed: fc.nat(100),
    });
    const checked = fc.asyncProperty(call, async ({ n, bestOf, seed }) => {
      const images = await generator.generateImages("hello", { n, bestOf, seed });
      expect(images.map(({ index }) => index)).toEqual(Array.from({ length: n }, (_, i) => i));
      for (const { index, ...image } of images) {
        const first = seed + index * bestOf;
        const [alone] = await generator.generateImages("hello", { bestOf, seed: first });
        expect({ ...image, index: 0 }).toEqual(alone);
        expect(image.seed - first).toBeLessThan(bestOf);
        const [again] = await generator.generateImages("hello", { seed: image.seed });
        expect(again!.ids).toEqual(image.ids);
      }
    });
    await fc.assert(checked, { numRuns: 10 });
  });

  it("has events of its image alone", async () => {
    const { events, images } = await collect(generator, "hello", { n: 2, bestOf: 2, seed: 3, previewRows: 2 });
    const last = events.findLast(({ type }) => type === "progress");
    expect(last).toEqual({ type: "progress", done: 64, total: 64, images: [32, 32] });
    const told = events.flatMap((event) =>
      event.type === "progress" ? [] : [`${event.type} ${"index" in event && event.index}`],
    );
    // Three drawings are made together: the second image's other one comes later.
    expect(told).toEqual(["preview 0", "preview 1", "image 0", "preview 1", "image 1"]);
    expect(events.filter(({ type }) => type === "image").map(({ type, ...image }: GenerationEvent) => image)).toEqual(
      images,
    );
  });

  it("keeps the ids of an image that is changed", async () => {
    const ids = Array.from({ length: 16 }, (_, i) => i);
    const redraw = ids.map((id) => id % 3 === 0);
    const [image] = await generator.generateImages("hello", { bestOf: 4, seed: 1, editImage: { ids, redraw } });
    expect([...image!.ids].filter((_, i) => !redraw[i])).toEqual(ids.filter((_, i) => !redraw[i]));
  });
});

describe("an image with several drawings", () => {
  it("stops as a whole by its own signal, in whichever of them it is", async () => {
    const others = await generator.generateImages("hello", { n: 3, bestOf: 2, seed: 7 });
    for (const when of [1, 20]) {
      const stop = new AbortController();
      const options = { n: 3, bestOf: 2, seed: 7, imageSignals: [undefined, stop.signal, undefined] };
      const { events, images } = await collect(generator, "hello", options, (event) => {
        if (event.type === "progress" && event.images[1]! >= when) stop.abort(new Error("enough"));
      });
      const failed = events.flatMap((event) => (event.type === "failed" ? [[event.index, String(event.error)]] : []));
      expect(failed).toEqual([[1, "Error: enough"]]);
      expect(images).toEqual([others[0], others[2]]);
    }
  });

  it("comes if any of them is whole, and fails once if none is", async () => {
    const { llm } = await folder.write("broken.gguf", { rows: brokenRows() });
    await using broken = await loadGenerator({ llm, tokenizer }, SETTINGS);
    const options = { seed: 0, temperature: 1, guidanceScale: 1 };
    const { images } = await collect(broken, "hello", { n: 8, ...options });
    const whole = new Set(images.map(({ seed }) => seed));
    expect([whole.size > 0, whole.size < 8]).toEqual([true, true]);
    const best = await collect(broken, "hello", { n: 4, bestOf: 2, ...options });
    const pairs = [0, 2, 4, 6].map((seed) => [seed, seed + 1].filter((one) => whole.has(one)));
    expect(best.images.map(({ index }) => index)).toEqual([...pairs.keys()].filter((i) => pairs[i]!.length > 0));
    for (const { index, seed } of best.images) expect(pairs[index]).toContain(seed);
    const failed = best.events.flatMap((event) => (event.type === "failed" ? [event.index] : []));
    expect(failed).toEqual([...pairs.keys()].filter((i) => pairs[i]!.length === 0));
  });
});

it.each([
  ["none", { bestOf: 0 }, "a whole number from 1 to 1000"],
  ["part of one", { bestOf: 1.5 }, "a whole number"],
  ["more than a call may have", { n: 101, bestOf: 10 }, "at most 1000 drawings"],
  ["seeds that run out", { bestOf: 2, seed: 2 ** 32 - 1 }, 'option "seed"'],
])("refuses %s", async (_, options, message) => {
  const call = generator.generateImages("hello", options);
  await expect(call).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
});
