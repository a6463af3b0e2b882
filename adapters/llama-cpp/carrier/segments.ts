import { encodePng, type ImageEmbeddings, type ImageInput, type ImageSegment, readImage } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import type { Carrier } from "./carrier.ts";
import { packEmbeddings } from "./pack-embeddings.ts";

/** An image for a server with an ordinary mmproj: the server sees to its size and its tokens. */
export interface ServerImage {
  readonly image: ImageInput;
}

/** Text, and images between it: what a tokenizer's `embed` gives for a carrier, or images for an ordinary mmproj. */
export type EmbeddedPart = string | ImageEmbeddings | ServerImage;
export type PromptContent = string | readonly EmbeddedPart[];

/** What a server's mmproj takes. */
export interface ImageInlet {
  /** Stands for an image in a prompt. */
  readonly mediaMarker: string;
  /** null for an ordinary mmproj, which takes images. */
  readonly carrier: Carrier | null;
}

/** A PNG in base64. */
export interface PackedImage {
  readonly png: string;
}

/** A prompt's text, with a marker where each image belongs. */
export interface PackedPrompt {
  readonly text: string;
  readonly images: readonly string[];
}

/**
 * A prompt as it stands.
 * @throws as `packImage`; INVALID_ARGUMENT for text with the marker in it
 */
export async function packPrompt(content: PromptContent, inlet: ImageInlet): Promise<PackedPrompt> {
  const pieces: (string | PackedImage)[] = [];
  for (const part of partsOf(content)) {
    if (typeof part === "string") pieces.push(withoutMarker(part, inlet));
    else pieces.push(...(await packImage(part, inlet)));
  }
  return joined(pieces, inlet);
}

export const partsOf = (content: PromptContent): readonly EmbeddedPart[] =>
  typeof content === "string" ? [content] : content;

export function joined(pieces: readonly (string | PackedImage)[], { mediaMarker }: ImageInlet): PackedPrompt {
  const images = pieces.flatMap((piece) => (typeof piece === "string" ? [] : [piece.png]));
  return { text: pieces.map((piece) => (typeof piece === "string" ? piece : mediaMarker)).join(""), images };
}

/**
 * The texts of an image's layout, and its PNGs.
 * @throws INCOMPATIBLE for embeddings of another width; INVALID_ARGUMENT for ones that do not fill their grid, and for
 *   an image where embeddings are taken; UNSUPPORTED for full attention, and for embeddings where images are taken
 */
export async function packImage(
  part: ImageEmbeddings | ServerImage,
  inlet: ImageInlet,
): Promise<(string | PackedImage)[]> {
  const { carrier } = inlet;
  if ("image" in part) {
    if (carrier === null) return [{ png: base64(await encodePng(await readImage(part.image))) }];
    const mend = "Pass what `tokenizer.embed(image)` gives, or start the server with the model's own mmproj.";
    throw expectedBut("INVALID_ARGUMENT", "embeddings", "a server with a pixel carrier", "an image", mend);
  }
  if (carrier === null) {
    const mend = "Pass { image }, or start the server with --mmproj and the file that `vqrae carrier` writes.";
    throw expectedBut("UNSUPPORTED", "a pixel carrier", "the server's mmproj", "one that takes images", mend);
  }
  return packEmbedded(part, carrier, inlet);
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

async function packEmbedded(
  image: ImageEmbeddings,
  carrier: Carrier,
  inlet: ImageInlet,
): Promise<(string | PackedImage)[]> {
  if (image.embeddingDim !== carrier.embeddingDim) {
    const mend = "Use the projector that was trained for the server's model.";
    const what = `embeddings of ${carrier.embeddingDim} numbers, as the server's model has them,`;
    throw expectedBut("INCOMPATIBLE", what, "an image", `embeddings of ${image.embeddingDim}`, mend);
  }
  const pieces: (string | PackedImage)[] = [];
  for (const segment of image.segments) {
    if (segment.type === "text") {
      pieces.push(withoutMarker(segment.text, inlet));
      continue;
    }
    requireGrid(segment, carrier);
    if (segment.attention === "full") {
      const mend = "Serve this model in process: llama-server decodes the carrier's images causally.";
      throw expectedBut("UNSUPPORTED", "causal attention", "an image's embeddings", "full attention", mend);
    }
    pieces.push({ png: base64(await encodePng(packEmbeddings(carrier, segment.data))) });
  }
  return pieces;
}

function requireGrid({ data, grid }: Extract<ImageSegment, { type: "embeddings" }>, { embeddingDim }: Carrier): void {
  const count = grid.rows * grid.columns;
  if (data.length === count * embeddingDim) return;
  const what = `${count} x ${embeddingDim} numbers`;
  throw expectedBut("INVALID_ARGUMENT", what, "the embeddings of an image", `${data.length}`);
}

/** @throws INVALID_ARGUMENT */
export function withoutMarker(text: string, { mediaMarker }: ImageInlet): string {
  if (!text.includes(mediaMarker)) return text;
  throw expected("INVALID_ARGUMENT", "text without the server's media marker", "a prompt", text);
}
