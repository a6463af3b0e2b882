import {
  type Embedder,
  type EmbedOptions,
  type Encoder,
  hasCodebook,
  type ImageEmbeddings,
  type ImageInput,
} from "../../../sdk/index.ts";
import { eachImage, expectedBut } from "../../../sdk/kit.ts";
import { readGguf } from "../../gguf/index.ts";
import { imageTokenOf, tokensIn } from "../../tar-tokens.ts";
import { Metadata } from "../check/metadata.ts";

/** After an image, before a question (i2t_inference.py of csuhan/Tar). */
const SUFFIX = "\n";

/**
 * For a language model that reads images as tokens of its own vocabulary, such as Tar (arXiv 2506.18898): an `Embedder` whose
 * images are the text `<I12><I7>...` of a tokenizer's ids, and no embeddings. Give it to `attachVision`.
 *
 * @param tokenizer stays yours to dispose
 * @param llm the language model's GGUF file, of which the header is read
 * @throws UNSUPPORTED for a tokenizer without a codebook, or with several codes a token; INCOMPATIBLE where the vocabulary lacks the
 *   token of an id; INVALID_GGUF
 */
export async function imagesAsTokens(tokenizer: Encoder, llm: string): Promise<Embedder> {
  const { info } = tokenizer;
  const { codebook, modelId, maxTokens } = info;
  if (!hasCodebook(tokenizer) || codebook?.codesPerToken !== 1) {
    const received = codebook ? `${codebook.codesPerToken} of them` : "none";
    throw expectedBut("UNSUPPORTED", "one code a token", `the tokenizer ${modelId}`, received);
  }
  if (codebook.scales) {
    throw expectedBut(
      "UNSUPPORTED",
      "one grid of ids",
      `the tokenizer ${modelId}`,
      `${codebook.scales.length} grids an image`,
    );
  }
  const gguf = await readGguf(llm);
  requireTokens(new Set(tokensIn(gguf)), codebook.size, llm);
  const outputDim = new Metadata(gguf).number("embedding_length") ?? 0;

  const written = ({ ids }: { readonly ids: Int32Array }): ImageEmbeddings => ({
    segments: [{ type: "text", text: Array.from(ids, imageTokenOf).join("") + SUFFIX }],
    embeddingDim: outputDim,
    tokens: 0,
  });
  const embed = (input: ImageInput | readonly ImageInput[], { signal }: EmbedOptions = {}) =>
    eachImage(input, signal, async (image, signal) =>
      written(await tokenizer.encode(image, { features: false, ids: true, signal })),
    );
  const projector = { type: "tokens", modelId, inputDim: codebook.dim, outputDim, deepstackLevels: 0 };
  return {
    info: { ...info, projector: { ...projector, patchesPerToken: 1, tokensPerView: maxTokens } },
    embed: embed as Embedder["embed"],
    [Symbol.asyncDispose]: async () => {},
  };
}

/** @throws INCOMPATIBLE for the first that is missing */
function requireTokens(vocabulary: ReadonlySet<unknown>, codes: number, llm: string): void {
  for (let id = 0; id < codes; id++) {
    if (vocabulary.has(imageTokenOf(id))) continue;
    const mend = "Take the GGUF of a language model that was trained on this tokenizer's ids, such as Tar's.";
    throw expectedBut("INCOMPATIBLE", `a token ${imageTokenOf(id)}`, `the vocabulary of ${llm}`, "none", mend);
  }
  if (!vocabulary.has(imageTokenOf(codes))) return;
  const what = `as many image tokens as the tokenizer has codes, ${codes},`;
  throw expectedBut("INCOMPATIBLE", what, `the vocabulary of ${llm}`, "more");
}
