import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { attachVision, loadVlm } from "../../../adapters/llama-cpp/index.ts";
import { buildPrompt } from "../../../adapters/prompt/index.ts";
import { hasCodebook, type ImageEmbeddings, type LoadOptions, loadProjector, VQRAE } from "../../../sdk/index.ts";
import { exactContext } from "../../helpers/exact-context.ts";
import { cosine } from "../cosine.ts";
import { largestDifference, readExpected, rowOf } from "../expected.ts";
import { asked, images, numbers, tinyJanus, tinyJanusWithLlm } from "./tiny.ts";

/** A Janus of one folder against transformers' (make_janus.py): what its tower gives the language model, prompts, answers. */
const root = await mkdtemp(join(tmpdir(), "janus-"));
let folder: string;
beforeAll(async () => {
  folder = await tinyJanusWithLlm(join(root, "janus"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function seeing(options: LoadOptions = {}, path = folder): Promise<VQRAE> {
  const projector = await loadProjector(path);
  const tokenizer = await VQRAE.load(path, { projector, device: "cpu", threads: 1, ...options });
  onTestFinished(() => tokenizer.dispose());
  return tokenizer;
}

const dataOf = ({ segments }: ImageEmbeddings): Float32Array[] =>
  segments.flatMap((segment) => (segment.type === "embeddings" ? [segment.data] : []));

describe("the tower", () => {
  it("gives transformers' embeddings, and the same tokenizer still has ids and pixels", async () => {
    const tokenizer = await seeing({ warmup: true });
    const embedded = await tokenizer.embed(images);
    for (const [i, one] of embedded.entries()) {
      expect(one.segments.map(({ type }) => type)).toEqual(["text", "embeddings", "text"]);
      expect(one.segments[1]).toMatchObject({ grid: { rows: 4, columns: 4 }, attention: "causal" });
      expect(largestDifference(dataOf(one)[0]!, rowOf(numbers.embeddings!, i))).toBeLessThan(1e-4);
    }
    expect(tokenizer.info).toMatchObject({
      licence: "deepseek",
      grid: { rows: 8, columns: 8 },
      codebook: { size: 64, dim: 4 },
      projector: { type: "janus", inputDim: 24, outputDim: 32 },
    });
    if (!hasCodebook(tokenizer)) throw new Error("no codebook");
    const vqgan = readExpected(join(import.meta.dirname, "../vqgan/expected.safetensors"));
    const ids = rowOf(vqgan.ids!, 0) as Int32Array;
    const { data } = await tokenizer.decode(ids);
    expect(largestDifference(data, rowOf(vqgan.decoded!, 0))).toBeLessThanOrEqual(1);
    expect(await tokenizer.encode(await tokenizer.decode(ids))).toMatchObject({ ids: { length: 64 } });
  });

  it("runs in 8 bits", async () => {
    const tokenizer = await seeing({ precision: "int8", cacheDir: join(root, "cache") });
    const [one] = await tokenizer.embed(images);
    expect(cosine(dataOf(one!)[0]!, rowOf(numbers.embeddings!, 0) as Float32Array)).toBeGreaterThan(0.99);
  });

  it("says at load what its licence is", async () => {
    const details: (string | undefined)[] = [];
    const onProgress: LoadOptions["onProgress"] = ({ detail }) => details.push(detail);
    await seeing({ onProgress });
    expect(details).toContainEqual(expect.stringMatching(/DeepSeek model licence/));
  });

  it("takes a config as transformers' conversion of Janus-Pro writes it", async () => {
    const path = await tinyJanus(join(root, "converted"));
    const file = join(path, "config.json");
    const config = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...config, vq_config: { ...config.vq_config, depth: 2 } }));
    const [one] = await (await seeing({}, path)).embed(images);
    expect(largestDifference(dataOf(one!)[0]!, rowOf(numbers.embeddings!, 0))).toBeLessThan(1e-4);
  });

  it.each([
    ["image_size", 32, "INVALID_CONFIG", /Expected 16, as the image tokenizer/],
    ["use_qk_norm", true, "INVALID_CONFIG", /use_qk_norm/],
    ["mlp_ratio", 3, "INVALID_CHECKPOINT", /fc1/],
    ["num_hidden_layers", 1, "INVALID_CHECKPOINT", /encoder\.layers\.1/],
    ["colour", "blue", "INVALID_CONFIG", /colour/],
  ])("refuses a config whose %s is %s", async (field, value, code, message) => {
    const path = await tinyJanus(join(root, `wrong-${field}`));
    const file = join(path, "config.json");
    const config = JSON.parse(await readFile(file, "utf8"));
    config.vision_config[field] = value;
    await writeFile(file, JSON.stringify(config));
    await expect(seeing({}, path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

it("refuses DeepSeek's own folder, whose config.json describes no tower, with the one to take", async () => {
  const path = await tinyJanus(join(root, "original"));
  await writeFile(join(path, "config.json"), JSON.stringify({ model_type: "multi_modality" }));
  await expect(loadVlm(path)).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringMatching(/deepseek-community\/Janus-Pro-1B/),
  });
});

it.each(asked.map((one, i) => [one.question, i] as const))("the prompt of %j has transformers' ids", async (_, i) => {
  const tokenizer = await seeing();
  const { question, prompt } = asked[i]!;
  const messages = [{ role: "user", content: [{ image: images[i]! }, question] }] as const;
  const { ids } = await buildPrompt(messages, { checkpoint: folder, tokenizer });
  expect(ids).toEqual(prompt);
});

it("answers as transformers does, from one folder", async () => {
  const vlm = await loadVlm(folder, { gpu: false, threads: 1, device: "cpu", contextSize: 512, flashAttention: false });
  try {
    for (const [i, { question, prompt, answer }] of asked.entries()) {
      const messages = [{ role: "user", content: [{ image: images[i]! }, question] }] as const;
      const { ids } = await vlm.buildPrompt(messages);
      expect(ids.map((id, at) => (id === -1 ? prompt[at] : id))).toEqual(prompt);
      const said = await vlm.ask(images[i]!, question, { temperature: 0, maxTokens: answer.length });
      // Bytes at the end that are no whole character are held back.
      expect(vlm.model.detokenize(answer as unknown as Token[])).toContain(said);
      expect(said.length).toBeGreaterThan(6);
    }
    // The tokens themselves, of which a text may hold only half.
    const context = await vlm.model.createContext({ contextSize: 512, ...exactContext });
    const vision = await attachVision(context, { tokenizer: vlm.tokenizer });
    const sequence = context.getSequence();
    for (const [i, { prompt, answer }] of asked.entries()) {
      const places = vlm.model.tokenize(await vision.image(images[i]!), true);
      const at = prompt.findIndex((id, p) => id !== prompt[p + 1] && prompt[p + 1] === prompt[p + 2]);
      const tokens = [...prompt.slice(0, at), ...places, ...prompt.slice(at + places.length)] as Token[];
      expect(tokens.length).toBe(prompt.length);
      const found: number[] = [];
      await sequence.clearHistory();
      for await (const token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
        found.push(token);
        if (found.length === answer.length) break;
      }
      expect(found).toEqual(answer);
    }
    vision.dispose();
    await context.dispose();
  } finally {
    await vlm.dispose();
  }
});
