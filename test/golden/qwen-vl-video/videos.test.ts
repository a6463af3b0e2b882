import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { getLlama, type Llama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attachVision } from "../../../adapters/llama-cpp/index.ts";
import { buildPrompt } from "../../../adapters/prompt/index.ts";
import { loadProjector, type RgbImage, type VideoInput, VQRAE } from "../../../sdk/index.ts";
import { exactContext } from "../../helpers/exact-context.ts";

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
      ...exactContext,
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

/**
 * An mmproj of llama.cpp's own converter does not say how videos are prepared: with the settings of the folder it gives the folder's
 * embeddings, and without any those of transformers' class.
 */
describe.each(["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])("%s as an mmproj", (name) => {
  const folder = join(import.meta.dirname, "../two-files", name);
  const mmproj = join(folder, "mmproj-f32.gguf");
  const video = (side: number): VideoInput => ({ frames: [0, 1, 2, 3].map((t) => frame(side, t)), fps: 0.5 });
  const cpu = { device: "cpu", threads: 1 } as const;

  it("with the folder's settings: its embeddings, places and texts", async () => {
    const { size } = JSON.parse(await readFile(join(folder, "preprocessor_config.json"), "utf8"));
    const settings = {
      minPixels: size.shortest_edge,
      maxPixels: size.longest_edge,
      ...(name === "qwen2_5_vl" && { tokensPerSecond: 4 }), // the class's own, where config.json has none
    };
    await using whole = await VQRAE.load(folder, { ...cpu, projector: await loadProjector(folder) });
    await using pair = await VQRAE.load(mmproj, { ...cpu, video: settings });
    const [expected, given] = [await whole.embedVideo(video(168)), await pair.embedVideo(video(168))];
    expect(given.tokens).toBe(expected.tokens);
    for (const [i, one] of expected.segments.entries()) {
      const other = given.segments[i];
      if (one.type === "text" || other?.type !== "embeddings") {
        expect(other).toEqual(one);
        continue;
      }
      const { data, ...places } = one;
      const { data: own, ...ownPlaces } = other;
      expect(ownPlaces).toEqual(places);
      const most = data.reduce((largest, value, j) => Math.max(largest, Math.abs(value - own[j]!)), 0);
      expect(most).toBeLessThan(1e-4);
    }
  });

  it("without settings: the class's range of pixels, and two positions a second", async () => {
    await using pair = await VQRAE.load(mmproj, cpu);
    const { segments, tokens } = await pair.embedVideo(video(672));
    const [places] = segments.flatMap((segment) => (segment.type === "embeddings" ? [segment] : []));
    // 672 x 672 is inside 602,112 pixels a frame. 786,432 of a video leave each of four frames 196,608: 416 x 416.
    const side = name === "qwen3_vl" ? 13 : 24;
    expect(places?.grid).toEqual({ rows: side, columns: side });
    expect(tokens).toBe(2 * side * side);
    if (name === "qwen2_5_vl") expect(places?.times).toEqual([0, 8]);
  });

  it("settings that a model does not have are refused by name", async () => {
    await expect(VQRAE.load("default", { video: { maxPixels: 1 } })).rejects.toThrow(/takes videos for option "video"/);
    await expect(VQRAE.load(mmproj, { video: { minPixels: 2, maxPixels: 1 } })).rejects.toThrow(/minPixels/);
    if (name === "qwen2_5_vl") return;
    await expect(VQRAE.load(mmproj, { video: { tokensPerSecond: 2 } })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });
});
