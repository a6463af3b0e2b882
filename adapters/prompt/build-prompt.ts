import { join } from "node:path";
import * as z from "zod";
import type { ImageSegment } from "../../sdk/index.ts";
import { expectedBut, isFile, isObject, option, parseOptions, readJsonObject } from "../../sdk/kit.ts";
import type { VlmMessage } from "../vision-language-model.ts";
import { readHfVocabulary } from "./hf-vocabulary.ts";
import { checkedMessages, embedPicture, type ImageEmbedder, picturesOf } from "./messages.ts";
import { PromptWriter } from "./prompt-writer.ts";
import { ChatTemplate, type ChatTemplateKwargs } from "./template/chat-template.ts";
import { findTemplate } from "./template/find-template.ts";
import { templateOptions } from "./template-options.ts";

export interface BuildPromptOptions {
  /** The folder of a Hugging Face checkpoint: its `tokenizer.json` and its chat template. */
  readonly checkpoint: string;
  /** What encodes the images: a tokenizer with the checkpoint's projector. A conversation without images needs none. */
  readonly tokenizer?: ImageEmbedder;
  /** A template in place of the checkpoint's own, or a file that holds one. */
  readonly chatTemplate?: string;
  /** Variables of the chat template, such as `{ enable_thinking: false }`. */
  readonly chatTemplateKwargs?: ChatTemplateKwargs;
  readonly signal?: AbortSignal;
}

type EmbeddingSegment = Extract<ImageSegment, { type: "embeddings" }>;

/** Embeddings of an image, or of one of its tiles, or of a video's frames, and which one of the conversation's pictures it is. */
export type PromptEmbeddings = EmbeddingSegment & {
  /** Counts videos too. */
  readonly image: number;
  readonly isVideo: boolean;
};

export type PromptSegment = { readonly type: "tokens"; readonly ids: readonly number[] } | PromptEmbeddings;

export interface PromptImagePlace {
  /** Which image or video of the conversation, from 0. */
  readonly image: number;
  /** Where its embeddings begin among `ids`, and how many there are. */
  readonly start: number;
  readonly count: number;
}

/** A conversation as a model takes it. */
export interface BuiltPrompt {
  /**
   * One id for each embedding and each token of text. Where an embedding stands it is the checkpoint's image token, or its
   * video token, as transformers' processors have it, or -1 where the checkpoint names none.
   */
  readonly ids: readonly number[];
  /** The same in order, as ids and embeddings. */
  readonly segments: readonly PromptSegment[];
  /** Where embeddings stand: one place for each tile or row of an image. */
  readonly images: readonly PromptImagePlace[];
}

const schema = z.strictObject({
  checkpoint: option.text("a checkpoint's folder"),
  tokenizer: z
    .custom<ImageEmbedder>((value) => isObject(value) && typeof value.embed === "function")
    .optional()
    .describe("an Embedder, such as what VQRAE.load gives"),
  ...templateOptions,
  signal: option.signal,
});

/**
 * Writes a conversation as the ids and embeddings that a model takes, by its checkpoint's own chat template and
 * tokenizer. The ids are those of transformers' `processor.apply_chat_template(..., tokenize=True)`.
 *
 * ```ts
 * const { ids, segments } = await buildPrompt(messages, { checkpoint: "SmolVLM2-256M", tokenizer });
 * ```
 *
 * What a user writes stays text, also where it looks like a special token or an image's place.
 *
 * @throws INVALID_ARGUMENT for a conversation that does not end with the user, or a checkpoint without a template;
 *   CHECKPOINT_NOT_FOUND for one without a `tokenizer.json`; UNSUPPORTED for a template that cannot be rendered;
 *   INVALID_CONFIG; as `Embedder.embed`; the signal's reason
 */
export async function buildPrompt(messages: readonly VlmMessage[], options: BuildPromptOptions): Promise<BuiltPrompt> {
  const { checkpoint, tokenizer, chatTemplate, chatTemplateKwargs, signal } = parseOptions(
    schema,
    options,
    "buildPrompt",
  );
  const folder = checkpoint ?? "";
  const vocabulary = await readHfVocabulary(folder);
  if (vocabulary === null) {
    const mend = "Give the folder of the checkpoint, or ask a loaded model: `vlm.buildPrompt(messages)`.";
    throw expectedBut("CHECKPOINT_NOT_FOUND", "a tokenizer.json", folder, "none", { path: folder, mend });
  }
  const words = await readImageWords(folder);
  const template = await ChatTemplate.open(await findTemplate({ chatTemplate, folder }), vocabulary, {
    places: words.places,
    kwargs: chatTemplateKwargs,
    signal,
  });
  const place = words.places.find((word) => vocabulary.special.has(word));
  const imageToken = words.id ?? (place === undefined ? undefined : vocabulary.special.get(place));
  const videoToken = words.videoId ?? vocabulary.special.get("<|video_pad|>");
  return writePrompt(new PromptWriter(template, vocabulary), messages, { tokenizer, imageToken, videoToken, signal });
}

export interface WritePromptOptions {
  readonly tokenizer?: ImageEmbedder | undefined;
  /** The id that stands for an embedding (default -1). */
  readonly imageToken?: number | undefined;
  /** The same for a video's (default -1). */
  readonly videoToken?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The same by a template and a vocabulary that are at hand.
 * @throws INVALID_ARGUMENT; as `ChatTemplate.render` and `Embedder.embed`
 */
export async function writePrompt(
  writer: PromptWriter,
  messages: readonly VlmMessage[],
  { tokenizer, imageToken = -1, videoToken = -1, signal }: WritePromptOptions,
): Promise<BuiltPrompt> {
  const checked = checkedMessages(messages);
  const layouts: (string | PromptEmbeddings)[][] = [];
  for (const [image, picture] of picturesOf(checked).entries()) {
    if (tokenizer === undefined) {
      const mend = "Load one with the checkpoint's projector.";
      throw expectedBut("INVALID_ARGUMENT", "a tokenizer for its images", "buildPrompt", "none", mend);
    }
    const { segments } = await embedPicture(tokenizer, picture, signal ? { signal } : {});
    const isVideo = "video" in picture;
    layouts.push(segments.map((segment) => (segment.type === "text" ? segment.text : { ...segment, image, isVideo })));
  }
  const turns = checked.map(({ parts, ...message }) => ({
    ...message,
    parts: parts.map((part) => (typeof part === "string" ? part : null)),
  }));
  return inOneRow(await writer.write(turns, layouts, signal), { imageToken, videoToken });
}

function inOneRow(
  written: readonly (readonly number[] | PromptEmbeddings)[],
  { imageToken, videoToken }: { readonly imageToken: number; readonly videoToken: number },
): BuiltPrompt {
  const ids: number[] = [];
  const segments: PromptSegment[] = [];
  const images: PromptImagePlace[] = [];
  for (const part of written) {
    if ("type" in part) {
      const count = part.grid.rows * part.grid.columns * (part.times?.length ?? 1);
      images.push({ image: part.image, start: ids.length, count });
      for (let i = 0; i < count; i++) ids.push(part.isVideo ? videoToken : imageToken);
      segments.push(part);
    } else {
      for (const id of part) ids.push(id);
      segments.push({ type: "tokens", ids: part });
    }
  }
  return { ids, segments, images };
}

interface ImageWords {
  readonly places: string[];
  readonly id: number | undefined;
  readonly videoId: number | undefined;
}

/** What a checkpoint says that stands for an image: in its template, and as an id. */
async function readImageWords(folder: string): Promise<ImageWords> {
  const read = async (name: string): Promise<Readonly<Record<string, unknown>>> =>
    (await isFile(join(folder, name))) ? readJsonObject(join(folder, name), "INVALID_CONFIG") : {};
  const config = await read("config.json");
  const said = [await read("processor_config.json"), await read("tokenizer_config.json")];
  const places = said
    .flatMap(({ boi_token, image_token }) => [boi_token, image_token])
    .filter((word) => typeof word === "string");
  const id = config.image_token_id ?? config.image_token_index;
  const numberOf = (value: unknown) => (typeof value === "number" ? value : undefined);
  return { places, id: numberOf(id), videoId: numberOf(config.video_token_id) };
}
