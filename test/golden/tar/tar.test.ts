import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, type Llama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type GenerationEvent, loadGenerator } from "../../../adapters/generation/index.ts";
import { promptTokens } from "../../../adapters/generation/vocabulary/prompt.ts";
import { requireIdDecoder } from "../../../adapters/generation/vocabulary/require-tokenizer.ts";
import { tarVocabulary } from "../../../adapters/generation/vocabulary/tar.ts";
import { convertLlm, readGguf } from "../../../adapters/gguf/index.ts";
import { attachVision, imagesAsTokens, loadVlm, resolveVlm } from "../../../adapters/llama-cpp/index.ts";
import { loadTokenizer } from "../../../sdk/index.ts";
import { exactContext } from "../../helpers/exact-context.ts";
import { writeTinyTar } from "../ar-dtok/tiny.ts";
import { imageOf, readExpected } from "../expected.ts";
import { writeTinyTaTok } from "../ta-tok/tiny.ts";

/**
 * Pictures in a Qwen2 with Tar's tokens, on llama.cpp against transformers (make_tar.py). Attention is exact and the KV cache F32, so
 * that nothing else differs.
 */
interface Answer {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

const answers: readonly Answer[] = JSON.parse(await readFile(join(import.meta.dirname, "answers.json"), "utf8"));
const pictures = readExpected(join(import.meta.dirname, "../ta-tok/expected.safetensors"));

interface PictureAnswer {
  readonly words: string;
  readonly scale: number;
  readonly prompt: readonly number[];
  readonly ids: readonly number[];
}
const pictureAnswers: readonly PictureAnswer[] = JSON.parse(
  await readFile(join(import.meta.dirname, "pictures.json"), "utf8"),
);
const images = answers.map((_, i) => imageOf(pictures[`image.${i}`]!));
const plain = { threads: 1, flashAttention: false, device: "cpu" } as const;
const root = await mkdtemp(join(tmpdir(), "tar-"));
const modelPath = join(root, "tar.gguf");

let llama: Llama;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
  await convertLlm(join(import.meta.dirname, "qwen2"), modelPath, { dtype: "F32", preTokenizer: "qwen2" });
});
afterAll(async () => {
  await llama.dispose();
  await rm(root, { recursive: true });
});

it("a picture is the tokens of its ids, and the answer is transformers' own", async () => {
  const tokenizer = await loadTokenizer(await writeTinyTaTok(join(root, "ta-tok"), { pool_scale: 2 }), { threads: 1 });
  const model = await llama.loadModel({ modelPath });
  try {
    const context = await model.createContext({
      contextSize: 256,
      ...exactContext,
    });
    const vision = await attachVision(context, { tokenizer: await imagesAsTokens(tokenizer, modelPath) });
    const sequence = context.getSequence();
    for (const [i, { prompt, answer }] of answers.entries()) {
      const text = await vision.prompt`<|im_start|>system
You are a helpful assistant.<|im_end|>
<|im_start|>user
${{ image: images[i]! }}Describe the image shortly.<|im_end|>
<|im_start|>assistant
`;
      const tokens = model.tokenize(text, true);
      expect(tokens).toEqual(prompt);
      const found: number[] = [];
      await sequence.clearHistory();
      for await (const token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
        found.push(token);
        if (found.length === answer.length) break;
      }
      expect(found).toEqual(answer);
    }
    vision.dispose();
  } finally {
    await model.dispose();
    await tokenizer.dispose();
  }
});

it("loadVlm answers by the language model and the tokenizer alone, as transformers does", async () => {
  const folder = await writeTinyTaTok(join(root, "ta-tok"), { pool_scale: 2 });
  const vlm = await loadVlm(modelPath, { encoder: folder, contextSize: 256, gpu: false, ...plain });
  try {
    for (const [i, { prompt, answer }] of answers.entries()) {
      const content = [{ image: images[i]! }, "Describe the image shortly."];
      const built = await vlm.buildPrompt([{ role: "user", content }]);
      expect(built.ids).toEqual(prompt);
      const { text } = await vlm.chat([{ role: "user", content }], { temperature: 0, maxTokens: answer.length });
      // Of a character that is cut off at the end, a chat shows nothing.
      expect(text).toBe(vlm.model.detokenize(answer as Token[], false).replace(/\uFFFD$/, ""));
    }
  } finally {
    await vlm.dispose();
  }
});

it("generates the ids of transformers, after Tar's prompt to the token, and AR-DTok's pixels of them", async () => {
  const gguf = await readGguf(modelPath);
  const model = await llama.loadModel({ modelPath });
  for (const scale of [1, 2]) {
    const folder = await writeTinyTar(join(root, `pixels-${scale}`), { pool_scale: scale + 1 });
    const tokenizer = await loadTokenizer(folder, { threads: 1 });
    const vocabulary = tarVocabulary(gguf, requireIdDecoder(tokenizer));
    const generator = await loadGenerator({ llm: modelPath, tokenizer }, { gpu: false, threads: 1 });
    try {
      const count = (scale === 1 ? 4 : 2) ** 2;
      expect(generator.info).toMatchObject({
        codebookSize: 64,
        decodeSteps: 16,
        sampling: { guidanceScale: 1, temperature: 1, topK: 1200, topP: 0.95 },
      });
      for (const { words, prompt, ids } of pictureAnswers.filter((one) => one.scale === scale)) {
        const tokens = await promptTokens(vocabulary, words, null, (text, { special, inner }) =>
          model.tokenize(text, special, inner ? "trimLeadingSpace" : undefined),
        );
        expect(tokens).toEqual(prompt);
        const seen: string[] = [];
        const events = generator.generate(words, { temperature: 0, seed: 5, n: 2 });
        let last = await events.next();
        for (; !last.done; last = await events.next()) seen.push(last.value.type);
        const [one, two] = last.value;
        expect([...one!.ids]).toEqual(ids);
        expect(ids.length).toBe(count);
        expect(seen).not.toContain("preview");
        expect(seen.filter((type) => type === "decoding").length).toBeGreaterThanOrEqual(8);
        // Each picture's pixels follow from its own seed.
        expect(two!.ids).toEqual(one!.ids);
        expect(one!.image.data).toEqual((await tokenizer.decode(ids, { seed: 5 })).data);
        expect(two!.image.data).toEqual((await tokenizer.decode(ids, { seed: 6 })).data);
      }
      // What looks like a token is text in a prompt, and only image tokens are drawn whatever it says.
      const words = "a <I3><S1> <im_end>";
      const asText = await promptTokens(vocabulary, words, null, (text, { special }) => model.tokenize(text, special));
      const { firstToken, boiToken, eoiToken } = vocabulary;
      expect(asText.filter((token) => token >= firstToken)).toEqual([]);
      expect(asText.filter((token) => token === boiToken)).toHaveLength(1);
      expect(asText).not.toContain(eoiToken);
      expect(model.detokenize(asText as Token[], true)).toContain(words);
      const [odd] = await generator.generateImages(words, { seed: 1 });
      expect(odd!.ids.length).toBe(count);
      expect(odd!.ids.every((id) => id >= 0 && id < 64)).toBe(true);
    } finally {
      await generator.dispose();
      await tokenizer.dispose();
    }
  }
  await model.dispose();
});

it("an image's own signal stops the drawing of its pixels, and the others' are as ever", async () => {
  const folder = await writeTinyTar(join(root, "stopped"), { pool_scale: 3 });
  const generator = await loadGenerator({ llm: modelPath, tokenizer: folder }, { gpu: false, threads: 1 });
  try {
    const alone = await generator.generateImages("a dog", { n: 3, seed: 5 });
    const stop = new AbortController();
    const reason = new Error("enough of 1");
    const imageSignals = [undefined, stop.signal, new AbortController().signal];
    const events: GenerationEvent[] = [];
    for await (const event of generator.generate("a dog", { n: 3, seed: 5, imageSignals })) {
      events.push(event);
      if (event.type === "decoding" && event.index === 1 && event.done === 8) stop.abort(reason);
    }
    const seen = events.flatMap((event) => (event.type === "decoding" ? [`${event.index}/${event.done}`] : []));
    expect(seen).toContain("1/8");
    expect(seen).not.toContain("1/16");
    expect(events.filter(({ type }) => type === "failed")).toEqual([
      { type: "failed", index: 1, seed: 6, error: reason },
    ]);
    const images = events.flatMap((event) => (event.type === "image" ? [event] : []));
    expect(images.map(({ index }) => index)).toEqual([0, 2]);
    for (const { index, ids, image } of images) {
      expect(ids).toEqual(alone[index]!.ids);
      expect(image.data).toEqual(alone[index]!.image.data);
    }
    // Its previews stop too.
    const early = new AbortController();
    const signals = [undefined, early.signal, undefined];
    const previews: number[] = [];
    for await (const event of generator.generate("a dog", { n: 3, seed: 5, imageSignals: signals, previewRows: 1 })) {
      if (event.type === "progress" && event.images[1] === 2) early.abort(reason);
      if (event.type === "preview") previews.push(event.index);
    }
    expect(previews).toEqual([0, 2]);
    // The call's own signal ends all of it.
    const all = new AbortController();
    const call = async () => {
      const options = { n: 3, seed: 5, imageSignals, signal: all.signal };
      for await (const event of generator.generate("a dog", options)) if (event.type === "decoding") all.abort(reason);
    };
    await expect(call()).rejects.toBe(reason);
  } finally {
    await generator.dispose();
  }
});

it("draws nothing without AR-DTok, and says what is missing", async () => {
  const folder = await writeTinyTaTok(join(root, "no-pixels"), { pool_scale: 2 });
  await expect(loadGenerator({ llm: modelPath, tokenizer: folder }, { gpu: false })).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("AR-DTok beside it"),
  });
});

it("finds the tokenizer beside the language model, and asks for one that is not there", async () => {
  const folder = join(root, "both");
  await writeTinyTaTok(folder);
  await copyFile(modelPath, join(folder, "tar.gguf"));
  expect(await resolveVlm(folder)).toEqual({
    modelId: "tar",
    llm: join(folder, "tar.gguf"),
    tokenizer: folder,
    projector: null,
    asTokens: true,
  });
  await expect(resolveVlm(modelPath)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(/the tokenizer whose ids the language model reads.*none beside it.*--encoder/),
  });
});

it("refuses a tokenizer without ids, and a language model without their tokens", async () => {
  const encoder = await loadTokenizer(join(import.meta.dirname, "../checkpoint/dinov2"), { threads: 1 });
  const shipped = await loadTokenizer("default", { threads: 1 });
  try {
    await expect(imagesAsTokens(encoder, modelPath)).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(imagesAsTokens(shipped, modelPath)).rejects.toMatchObject({
      code: "INCOMPATIBLE",
      message: expect.stringContaining("a token <I64>"),
    });
  } finally {
    await encoder.dispose();
    await shipped.dispose();
  }
});
