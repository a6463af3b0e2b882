import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { getLlama, type Llama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attachVision } from "../../../adapters/llama-cpp/index.ts";
import { buildPrompt } from "../../../adapters/prompt/index.ts";
import { loadProjector, type RgbImage, type VideoInput, VQRAE } from "../../../sdk/index.ts";

/**
 * Videos in Qwen-VLs on llama.cpp against transformers (make_videos.py): pairs of frames, positions in time or text that tells
 * it, and the text after them. Attention is exact and the KV cache F32, so that nothing else differs.
 */
interface Expected {
  readonly side: number;
  /** The token that stands for an embedding. */
  readonly video: number;
  readonly cases: Readonly<Record<"short" | "odd" | "slow", Case>>;
}

interface Case {
  readonly frames: number;
  readonly fps: number;
  readonly ids: readonly number[];
  readonly greedy: readonly number[];
  /** The five likeliest tokens after the prompt, and their log probabilities. */
  readonly top: readonly (readonly [token: number, logarithm: number])[];
}

const FIRST_PLACE = 2 ** 30;
const QUESTION = "What is it?";
/** What the published templates write, a picture in a message of the user. */
const TEMPLATE = `{% for m in messages %}<|im_start|>{{ m.role }}
{% for p in m.content %}{% if p.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ p.text }}{% endif %}{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`;

let llama: Llama;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
});
afterAll(() => llama.dispose());

/** The script's `frame`. */
function frame(side: number, t: number): RgbImage {
  const data = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      data.set([x * 3 + y + 20 * t, 255 - y, Math.floor((x * y) / 5) + 31 * t], (y * side + x) * 3);
    }
  }
  return { data, width: side, height: side };
}

describe.each(["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])("%s", async (name) => {
  const folder = join(import.meta.dirname, name);
  const weights = name === "qwen3_vl" ? join(import.meta.dirname, "../two-files", name) : folder;
  const { side, video: videoToken, cases }: Expected = JSON.parse(await readFile(join(folder, "video.json"), "utf8"));
  const film = ({ frames, fps }: Case): VideoInput => ({
    frames: Array.from({ length: frames }, (_, t) => frame(side, t)),
    fps,
  });

  let tokenizer: VQRAE;
  beforeAll(async () => {
    tokenizer = await VQRAE.load(weights, { device: "cpu", threads: 1, projector: await loadProjector(weights) });
  });
  afterAll(() => tokenizer.dispose());

  it.each(["short", "odd", "slow"] as const)("%s: the prompt's ids are those of its processor", async (key) => {
    const messages = [{ role: "user", content: [{ video: film(cases[key]) }, QUESTION] }] as const;
    const prompt = await buildPrompt(messages, { checkpoint: folder, chatTemplate: TEMPLATE, tokenizer });
    expect(prompt.ids).toEqual(cases[key].ids);
  });

  it.each([
    ["short", 512],
    ["odd", 512],
    ["slow", 512],
    ["odd", 32], // batches smaller than a frame
  ] as const)("%s, in batches of %i: the same tokens and probabilities", async (key, batchSize) => {
    const model = await llama.loadModel({ modelPath: join(weights, "llm.gguf") });
    const context = await model.createContext({
      contextSize: 1024,
      batchSize,
      threads: 1,
      flashAttention: false,
      experimentalKvCacheKeyType: "F32",
      experimentalKvCacheValueType: "F32",
    });
    const vision = await attachVision(context, { tokenizer });
    const sequence = context.getSequence();
    try {
      const { ids, top, greedy } = cases[key];
      const places = model.tokenize(await vision.video(film(cases[key])), true).filter((token) => token >= FIRST_PLACE);
      const runs = ids.filter((id, i) => id === videoToken && ids[i - 1] !== videoToken).length;
      const each = places.length / runs;
      const tokens = ids.flatMap((id, i) => {
        if (id !== videoToken) return [id as Token];
        return ids[i - 1] === videoToken ? [] : places.splice(0, each);
      });
      const last = tokens.length - 1;
      const options = { temperature: 1, topK: 0, topP: 1, minP: 0 };
      const results = await sequence.controlledEvaluate([
        ...tokens.slice(0, -1),
        [tokens[last]!, { generateNext: { probabilities: true, options } }],
      ]);
      const probabilities = results[last]!.next.probabilities!;
      for (const [token, logarithm] of top) {
        expect(Math.abs(Math.log(probabilities.get(token as Token)!) - logarithm)).toBeLessThan(1e-3);
      }
      await sequence.clearHistory();
      const answer: number[] = [];
      for await (const token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
        answer.push(token);
        if (answer.length >= greedy.length) break;
      }
      expect(answer).toEqual(greedy);
    } finally {
      vision.dispose();
      await model.dispose();
    }
  });
});
