import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ImageGenerator, loadGenerator } from "../../adapters/generation/index.ts";
import { loadVlm } from "../../adapters/llama-cpp/index.ts";

/** The same call gives the same answer, whatever ran before and beside it. */

const image = (name: string) => fileURLToPath(new URL(`../../examples/images/${name}`, import.meta.url));

let generator: ImageGenerator;
beforeAll(async () => {
  generator = await loadGenerator("default", { gpu: false, threads: 1 });
}, 120_000);
afterAll(() => generator.dispose());

async function idsOf(prompt: string, options: object): Promise<number[][]> {
  return (await generator.generateImages(prompt, options)).map(({ ids }) => Array.from(ids));
}

test("generation does not depend on earlier calls, nor on the images beside it", async () => {
  const draw = (n = 1) => idsOf("a red triangle", { preset: "llamagen", seed: 4, n });
  const [first] = await draw();

  const earlier: (() => Promise<unknown>)[] = [
    () => idsOf("a red triangle", { guidanceScale: 1, seed: 1 }),
    () => idsOf("another text, of more tokens than the first one", { guidanceScale: 1, n: 3 }),
    async () => {
      const left = generator.generate("a call that is left early", { n: 2 });
      for (let step = 0; step < 5; step++) await left.next();
      await left.return([]);
    },
    async () => {
      const controller = new AbortController();
      const events = generator.generate("a call that is aborted", { n: 3, signal: controller.signal });
      for (let step = 0; step < 5; step++) await events.next();
      controller.abort(new Error("enough"));
      await expect(events.next()).rejects.toThrow("enough");
    },
  ];
  for (const call of earlier) {
    await call();
    expect(await draw()).toEqual([first]);
  }
  const [beside] = await draw(3);
  expect(beside).toEqual(first);
}, 300_000);

// A batch of one sequence is rounded otherwise than a larger one on most processors, and at seed 4 without guidance a
// draw falls the other way then: only steps that are computed one by one keep its ids.
test("each image of a call has the ids that its seed has alone, with and without guidance", async () => {
  for (const [prompt, guidanceScale, seed] of [
    ["a red triangle", 1, 4],
    ["a photo of a sunflower", 1.25, 0],
    ["a small blue circle on a grey background", 7.5, 2 ** 31],
  ] as const) {
    const together = await idsOf(prompt, { guidanceScale, seed, n: 3, temperature: 1 });
    for (const [i, ids] of together.entries()) {
      expect([ids]).toEqual(await idsOf(prompt, { guidanceScale, seed: seed + i, temperature: 1 }));
    }
  }
}, 600_000);

test("an answer does not depend on earlier questions, nor on those that are asked meanwhile", async () => {
  await using vlm = await loadVlm("default", { gpu: false, threads: 1, sequences: 3 });
  const ask = async (name: string, question: string) => {
    const content = [{ image: image(name) }, question];
    const answer = await vlm.chat([{ role: "user", content }], { seed: 3, temperature: 1.2, maxTokens: 40 });
    return answer.text;
  };
  const again = () => ask("cat.jpg", "What is in the picture?");
  const first = await again();
  expect(first.length).toBeGreaterThan(20); // enough draws for a difference to show

  expect(await again()).toBe(first);
  await ask("cat.jpg", "What is in the");
  expect(await again()).toBe(first);
  await ask("rocket.jpg", "What colour is the sky?");
  expect(await again()).toBe(first);
  const [, beside] = await Promise.all([ask("rocket.jpg", "What shape?"), again(), ask("coffee.jpg", "Is it red?")]);
  expect(beside).toBe(first);
}, 300_000);
