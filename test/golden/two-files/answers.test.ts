import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { getLlama, type Llama, type LlamaContextSequence, LlamaLogLevel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attachVision } from "../../../adapters/llama-cpp/index.ts";
import { loadProjector, VQRAE } from "../../../sdk/index.ts";
import { exactContext } from "../../helpers/exact-context.ts";
import { families, imagesOf } from "./pictures.ts";

/**
 * Images in Qwen-VLs, Pixtral and Mistral 3 on llama.cpp against transformers (make_two_files.py): the mmproj's tower, merger, deepstack levels, positions of
 * time, row and column, and the text after them. Attention is exact and the KV cache F32, so that nothing else differs.
 */
interface Expected {
  /** Of the square. */
  readonly side: number;
  /** The token that stands for an embedding. */
  readonly image: number;
  readonly cases: Readonly<Record<"native" | "photo" | "two", Case>>;
}

interface Case {
  readonly ids: readonly number[];
  readonly greedy: readonly number[];
  /** The five likeliest tokens after the prompt, and their log probabilities. */
  readonly top: readonly (readonly [token: number, logarithm: number])[];
}

const FIRST_PLACE = 2 ** 30;

let llama: Llama;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
});
afterAll(() => llama.dispose());

describe.each(families)("%s", async (name) => {
  const folder = join(import.meta.dirname, name);
  const { side, image, cases }: Expected = JSON.parse(await readFile(join(folder, "expected.json"), "utf8"));
  const images = imagesOf(side);

  async function open(batchSize: number) {
    const mmproj = join(folder, "mmproj-f32.gguf");
    const tokenizer = await VQRAE.load(mmproj, { device: "cpu", threads: 1, projector: await loadProjector(mmproj) });
    const model = await llama.loadModel({ modelPath: join(folder, "llm.gguf") });
    const context = await model.createContext({
      contextSize: 1024,
      batchSize,
      ...exactContext,
    });
    const vision = await attachVision(context, { tokenizer });
    return {
      sequence: context.getSequence(),
      /** The prompt, each run of image tokens replaced by the next run of an image's places. */
      async prompt(key: keyof typeof cases): Promise<Token[]> {
        const runs: Token[][] = [];
        for (const one of images[key]) {
          const tokens = model.tokenize(await vision.image(one), true);
          for (const [i, token] of tokens.entries()) {
            if (token < FIRST_PLACE) continue;
            if (i > 0 && tokens[i - 1]! >= FIRST_PLACE) runs.at(-1)!.push(token);
            else runs.push([token]);
          }
        }
        const { ids } = cases[key];
        const tokens = ids.flatMap((id, i) => {
          if (id !== image) return [id as Token];
          return ids[i - 1] === image ? [] : runs.shift()!;
        });
        expect(runs).toEqual([]);
        return tokens;
      },
      async [Symbol.asyncDispose]() {
        vision.dispose();
        await model.dispose();
        await tokenizer.dispose();
      },
    };
  }

  async function greedy(sequence: LlamaContextSequence, tokens: Token[]): Promise<number[]> {
    const answer: number[] = [];
    for await (const token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
      answer.push(token);
      if (answer.length >= 24) break;
    }
    return answer;
  }

  it.each(["native", "photo", "two"] as const)("%s: the same tokens", async (key) => {
    await using opened = await open(512);
    const tokens = await opened.prompt(key);
    expect(await greedy(opened.sequence, tokens)).toEqual(cases[key].greedy);
  });

  it.each([
    ["native", 512],
    ["photo", 512],
    ["two", 512],
    ["two", 32], // batches smaller than an image
  ] as const)("%s, in batches of %i: the same probabilities", async (key, batchSize) => {
    await using opened = await open(batchSize);
    const tokens = await opened.prompt(key);
    const last = tokens.length - 1;
    const options = { temperature: 1, topK: 0, topP: 1, minP: 0 };
    const results = await opened.sequence.controlledEvaluate([
      ...tokens.slice(0, -1),
      [tokens[last]!, { generateNext: { probabilities: true, options } }],
    ]);
    const probabilities = results[last]!.next.probabilities!;
    for (const [token, logarithm] of cases[key].top) {
      expect(Math.abs(Math.log(probabilities.get(token as Token)!) - logarithm)).toBeLessThan(1e-3);
    }
  });

  it("a second turn goes on behind the first, whose images are not decoded again", async () => {
    await using opened = await open(512);
    const tokens = await opened.prompt("two");
    const first = tokens.findIndex((token, i) => i > 0 && token < FIRST_PLACE && tokens[i - 1]! >= FIRST_PLACE) + 4;
    await opened.sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, first));
    expect(await greedy(opened.sequence, tokens.slice(first))).toEqual(cases.two.greedy);
    if (name === "lfm2_vl") return; // llama.cpp takes no tokens back from the state of convolutions
    // The answer is erased and asked for anew; what stands before it stays.
    const { sequence } = opened;
    await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    expect(sequence.nextTokenIndex).toBe(tokens.length - 1);
    expect(await greedy(sequence, tokens.slice(-1))).toEqual(cases.two.greedy);
  });
});
