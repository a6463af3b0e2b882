import { expected, isObject } from "../../../sdk/kit.ts";
import {
  AnswerText,
  ChatTemplate,
  type ChatTemplateKwargs,
  findTemplate,
  PromptWriter,
  type Vocabulary,
} from "../../prompt/index.ts";
import type { VlmMessage } from "../../vision-language-model.ts";
import type { HttpClient } from "./http.ts";
import {
  type EmbeddedPart,
  type ImageInlet,
  joined,
  type PackedImage,
  type PackedPrompt,
  type PromptContent,
  packImage,
  partsOf,
  withoutMarker,
} from "./segments.ts";

export interface ChatMessage {
  readonly role: VlmMessage["role"];
  readonly content: PromptContent;
}

/** A prompt, and what its answer goes through; null for a model that does not think. */
export interface WrittenPrompt extends PackedPrompt {
  readonly answer: AnswerText | null;
}

export interface TemplateOptions {
  readonly chatTemplate?: string | undefined;
  readonly chatTemplateKwargs?: ChatTemplateKwargs | undefined;
}

/**
 * What llama.cpp writes around an image by itself, in an ordinary mmproj's prompts.
 * Source: llama.cpp 0.5.0, tools/mtmd/mtmd.cpp, `img_beg` and `img_end`.
 */
const AROUND: readonly (readonly [begin: string, end: string])[] = [
  ["<|vision_start|>", "<|vision_end|>"],
  ["<|image_start|>", "<|image_end|>"],
  ["<|begin_of_image|>", "<|end_of_image|>"],
  ["<|media_begin|>", "<|media_end|>"],
  ["<|media_start|>", "<|media_end|>"],
  ["<start_of_image>", "<end_of_image>"],
  ["<|IMAGE_START|>", "<|IMAGE_END|>"],
  ["<|image>", "<image|>"],
  ["<img>", "</img>"],
  ["", "[IMG_END]"],
];

/**
 * Writes conversations for a server by its model's own template. `POST /apply-template` would write an image's marker as
 * text, where templates write more for an image: LLaVA's a newline, SmolVLM's another space.
 */
export class ServerTemplate {
  readonly #writer: PromptWriter;
  /** What the server itself puts before every prompt. */
  readonly #bos: string;

  private constructor(writer: PromptWriter, bos: string) {
    this.#writer = writer;
    this.#bos = bos;
  }

  /**
   * @param props the answer of GET /props
   * @throws SERVER_ERROR for a server that names no template; UNSUPPORTED for one that cannot be rendered
   */
  static async open(
    http: HttpClient,
    props: Readonly<Record<string, unknown>>,
    { chatTemplate, chatTemplateKwargs }: TemplateOptions,
    signal: AbortSignal | undefined,
  ): Promise<ServerTemplate> {
    const text = (key: string) => (typeof props[key] === "string" ? props[key] : "");
    const [bosText, eosText] = [text("bos_token"), text("eos_token")];
    const { tokens } = await http.post("tokenize", { content: "", add_special: true }, signal);
    const addsBos = Array.isArray(tokens) && tokens.length > 0;
    const file = "chat_template of GET /props";
    // The server turns text into ids, and takes its special words as such wherever they stand.
    const vocabulary: Vocabulary = { file, special: new Map(), addedBos: null, bosText, eosText, encode: () => [] };
    const own = { text: text("chat_template"), file };
    if (chatTemplate === undefined && own.text === "") {
      throw expected("SERVER_ERROR", "a chat template", file, props.chat_template, "Update llama-server.");
    }
    const source = chatTemplate === undefined ? own : await findTemplate({ chatTemplate });
    const template = await ChatTemplate.open(source, vocabulary, { kwargs: chatTemplateKwargs, signal });
    return new ServerTemplate(new PromptWriter(template, vocabulary), addsBos ? bosText : "");
  }

  /**
   * A conversation's prompt, and what takes the thoughts out of its answer.
   * @throws as `ChatTemplate.render` and `packImage`; INVALID_ARGUMENT for text with the marker in it
   */
  async write(
    messages: readonly ChatMessage[],
    inlet: ImageInlet,
    signal: AbortSignal | undefined,
  ): Promise<WrittenPrompt> {
    const layouts: (string | PackedImage)[][] = [];
    const turns = [];
    for (const { role, content } of messages) {
      const parts: (string | null)[] = [];
      for (const part of partsOf(content)) {
        if (typeof part === "string") parts.push(withoutMarker(part, inlet));
        else {
          layouts.push(await this.#layout(part, inlet));
          parts.push(null);
        }
      }
      turns.push({ role, parts });
    }
    const { pieces, opensThought } = await this.#writer.texts(turns, layouts, signal);
    const { text, images } = joined(inlet.carrier === null ? withoutDoubles(pieces) : pieces, inlet);
    const { thoughts } = this.#writer.template;
    return {
      text: this.#bos !== "" && text.startsWith(this.#bos) ? text.slice(this.#bos.length) : text,
      images,
      answer: thoughts && new AnswerText(thoughts, opensThought),
    };
  }

  async #layout(part: Exclude<EmbeddedPart, string>, inlet: ImageInlet): Promise<(string | PackedImage)[]> {
    const own = await packImage(part, inlet);
    // Gemma 3's processor writes a break on both sides of its words.
    const breaks = inlet.carrier === null && this.#writer.template.imagePlace === "<start_of_image>";
    return breaks ? ["\n\n", ...own, "\n\n"] : own;
  }
}

/** Without the words around an image that llama.cpp writes too. */
function withoutDoubles(pieces: readonly (string | PackedImage)[]): (string | PackedImage)[] {
  return pieces.map((piece, i) => {
    if (typeof piece !== "string") return piece;
    let text = piece;
    const [begin] = isObject(pieces[i + 1]) ? (AROUND.find(([word]) => word !== "" && text.endsWith(word)) ?? []) : [];
    if (begin !== undefined) text = text.slice(0, -begin.length);
    const [, end] = isObject(pieces[i - 1]) ? (AROUND.find(([, word]) => text.startsWith(word)) ?? []) : [];
    return end === undefined ? text : text.slice(end.length);
  });
}
