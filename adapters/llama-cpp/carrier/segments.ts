import { encodePng, type ImageEmbeddings, type ImageSegment } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import type { Carrier } from "./carrier.ts";
import { packEmbeddings } from "./pack-embeddings.ts";

/** Text, and images between it: what a tokenizer's `embed` gives. */
export type EmbeddedPart = string | ImageEmbeddings;
export type PromptContent = string | readonly EmbeddedPart[];

/**
 * A prompt's text, a marker where each PNG belongs, and the PNGs in base64, added to `images`.
 * @throws INCOMPATIBLE for embeddings of another width; INVALID_ARGUMENT for ones that do not fill their grid, and for
 *   text with the marker in it; UNSUPPORTED for full attention
 */
export async function packPrompt(
  content: PromptContent,
  carrier: Carrier,
  marker: string,
  images: string[],
): Promise<string> {
  let text = "";
  for (const part of typeof content === "string" ? [content] : content) {
    if (typeof part === "string") text += withoutMarker(part, marker);
    else text += await packImage(part, carrier, marker, images);
  }
  return text;
}

async function packImage(image: ImageEmbeddings, carrier: Carrier, marker: string, images: string[]): Promise<string> {
  if (image.embeddingDim !== carrier.embeddingDim) {
    const mend = "Use the projector that was trained for the server's model.";
    const what = `embeddings of ${carrier.embeddingDim} numbers, as the server's model has them,`;
    throw expectedBut("INCOMPATIBLE", what, "an image", `embeddings of ${image.embeddingDim}`, mend);
  }
  let text = "";
  for (const segment of image.segments) {
    if (segment.type === "text") {
      text += withoutMarker(segment.text, marker);
      continue;
    }
    requireGrid(segment, carrier);
    if (segment.attention === "full") {
      const mend = "Serve this model in process: llama-server decodes the carrier's images causally.";
      throw expectedBut("UNSUPPORTED", "causal attention", "an image's embeddings", "full attention", mend);
    }
    images.push(Buffer.from(await encodePng(packEmbeddings(carrier, segment.data))).toString("base64"));
    text += marker;
  }
  return text;
}

function requireGrid({ data, grid }: Extract<ImageSegment, { type: "embeddings" }>, { embeddingDim }: Carrier): void {
  const count = grid.rows * grid.columns;
  if (data.length === count * embeddingDim) return;
  const what = `${count} x ${embeddingDim} numbers`;
  throw expectedBut("INVALID_ARGUMENT", what, "the embeddings of an image", `${data.length}`);
}

function withoutMarker(text: string, marker: string): string {
  if (!text.includes(marker)) return text;
  throw expected("INVALID_ARGUMENT", "text without the server's media marker", "a prompt", text);
}
