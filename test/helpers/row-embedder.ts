import type { ImageEmbeddings, ImageInput, ImageSegment, VisionTokenizer } from "../../sdk/index.ts";
import type { TinyLlm } from "./tiny-llm.ts";

/** What an image stands for in a test: rows of a language model's own token embeddings, or anything else. */
export interface RowImage {
  readonly segments: readonly ImageSegment[];
}

/**
 * A tokenizer whose "image" is one byte, the index of a list of embeddings: with the rows that a language model looks its
 * tokens up in, an image must give what those tokens give.
 */
export function rowEmbedder(outputDim: number, images: readonly RowImage[]) {
  const embedded: number[] = [];
  const embed = async (input: ImageInput): Promise<ImageEmbeddings> => {
    const index = (input as Uint8Array)[0]!;
    embedded.push(index);
    const { segments } = images[index]!;
    const tokens = segments.reduce((sum, s) => sum + (s.type === "text" ? 0 : s.grid.rows * s.grid.columns), 0);
    return { segments, embeddingDim: outputDim, tokens };
  };
  const projector = { type: "rows", modelId: "rows", inputDim: outputDim, outputDim };
  const info = { modelId: "rows", precision: "fp32", projector };
  return { tokenizer: { info, embed } as unknown as VisionTokenizer, embedded };
}

export const imageBytes = (index: number): Uint8Array => Uint8Array.of(index);

/** The token embeddings of `tokens`, as a segment of one row. */
export function row(
  tokens: readonly number[],
  { tokenEmbeddings, embeddingDim, embeddingScale }: TinyLlm,
  attention: "causal" | "full" = "causal",
): ImageSegment {
  const data = new Float32Array(tokens.length * embeddingDim);
  tokens.forEach((token, i) => {
    const own = tokenEmbeddings.subarray(token * embeddingDim, (token + 1) * embeddingDim);
    data.set(
      own.map((value) => value * embeddingScale),
      i * embeddingDim,
    );
  });
  return { type: "embeddings", data, grid: { rows: 1, columns: tokens.length }, attention };
}
