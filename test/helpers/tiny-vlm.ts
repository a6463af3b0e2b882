import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, type LlamaContextSequence, LlamaLogLevel } from "node-llama-cpp";
import { ggufValue, readGguf, rewriteGguf } from "../../adapters/gguf/index.ts";
import { ggufVocabulary } from "../../adapters/llama-cpp/chat/gguf-vocabulary.ts";
import { templateWrapper } from "../../adapters/llama-cpp/chat/template-wrapper.ts";
import { Vlm } from "../../adapters/llama-cpp/chat/vlm.ts";
import { attachVision, type VlmMessage } from "../../adapters/llama-cpp/index.ts";
import { ChatTemplate, PromptWriter } from "../../adapters/prompt/index.ts";
import { imageBytes, row, rowEmbedder } from "./row-embedder.ts";
import { type TinyLlm, writeTinyLlm } from "./tiny-llm.ts";

/** Tokens whose embeddings the images 0 and 1 are. */
export const cat = Array.from({ length: 40 }, (_, i) => 40 + i);
export const dog = Array.from({ length: 12 }, (_, i) => 140 - i);

export interface TinyVlm {
  readonly vlm: Vlm;
  /** The images that were encoded. */
  readonly embedded: readonly number[];
  /** Tokens that its sequences have decoded. */
  decodedTokens(): number;
}

/** llama.cpp's type of such tokens. */
const USER_DEFINED = 4;

export const CHATML = `{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`;

/** A model of random weights in this process, which sees the images 0 and 1 of `imageBytes`. */
export async function openTinyVlms({
  rename = [],
}: {
  readonly rename?: readonly (readonly [id: number, text: string])[];
} = {}) {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-vlm-"));
  const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
  const tiny = await writeTinyLlm(join(folder, "qwen3.gguf"), "qwen3");
  await renameTokens(tiny, rename);
  const model = await llama.loadModel({ modelPath: tiny.path });
  const vocabulary = ggufVocabulary(model, tiny.path);
  const open: Vlm[] = [];

  return {
    llama,
    tiny,
    async openVlm({ sequences = 1, contextSize = 512, template = CHATML } = {}): Promise<TinyVlm> {
      const context = await model.createContext({ contextSize, batchSize: 64, threads: 1, sequences });
      const used: LlamaContextSequence[] = [];
      const getSequence = context.getSequence.bind(context);
      context.getSequence = (options) => {
        const sequence = getSequence(options);
        used.push(sequence);
        return sequence;
      };
      const images = [cat, dog].map((tokens) => ({ segments: [row(tokens, tiny)] }));
      const { tokenizer, embedded } = rowEmbedder(tiny.embeddingDim, images);
      const vision = await attachVision(context, { tokenizer });
      const writer = new PromptWriter(
        await ChatTemplate.open({ text: template, file: "the template" }, vocabulary),
        vocabulary,
      );
      const chatWrapper = await templateWrapper(writer, vision);
      const seen = { tokenizer, embedder: tokenizer, systemMessage: null };
      const parts = {
        modelId: "tiny",
        llama,
        model,
        context,
        vision,
        ...seen,
        writer,
        chatWrapper,
        deterministic: false,
      };
      const vlm = new Vlm(parts, [() => context.dispose()]);
      open.push(vlm);
      const decodedTokens = () => used.reduce((sum, { tokenMeter }) => sum + tokenMeter.usedInputTokens, 0);
      return { vlm, embedded, decodedTokens };
    },
    async closeVlms(): Promise<void> {
      for (const vlm of open.splice(0)) await vlm.dispose();
    },
    async dispose(): Promise<void> {
      await llama.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Gives tokens other texts, which are then found in every text. */
async function renameTokens({ path, tokens }: TinyLlm, rename: readonly (readonly [id: number, text: string])[]) {
  if (rename.length === 0) return;
  const types = (await readGguf(path)).metadata.get("tokenizer.ggml.token_type")?.value;
  const [texts, kinds] = [[...tokens], Array.isArray(types) ? types.map(Number) : []];
  for (const [id, text] of rename) {
    texts[id] = text;
    kinds[id] = USER_DEFINED;
  }
  const metadata = [
    ["tokenizer.ggml.tokens", ggufValue.strings(texts)],
    ["tokenizer.ggml.token_type", ggufValue.int32s(kinds)],
  ] as const;
  await rewriteGguf(path, path, { metadata }, { inPlace: true });
}

export const see = (index: number, text = "abc"): VlmMessage => ({
  role: "user",
  content: [{ image: imageBytes(index) }, text],
});
/** The tiny model answers it at length. */
export const how: VlmMessage[] = [{ role: "user", content: "how" }];
