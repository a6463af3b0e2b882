import type { ChatTemplate, TemplateMessage } from "./chat-template.ts";
import { placeImages } from "./place-images.ts";
import { encodeText, type Vocabulary } from "./vocabulary.ts";

/** Writes conversations as ids: a model's template and its vocabulary. */
export class PromptWriter {
  readonly template: ChatTemplate;
  readonly vocabulary: Vocabulary;

  constructor(template: ChatTemplate, vocabulary: Vocabulary) {
    this.template = template;
    this.vocabulary = vocabulary;
  }

  /**
   * The conversation up to where the model's answer begins: ids, and between them what the layouts hold.
   * @param layouts for each image its texts and what stands for its embeddings, in the model's order
   * @param answer what the model has said of its answer already
   * @throws as `ChatTemplate.render`
   */
  write<T extends object>(
    messages: readonly TemplateMessage[],
    layouts: readonly (readonly (string | T)[])[],
    answer = "",
  ): (readonly number[] | T)[] {
    const { vocabulary } = this;
    const pieces = this.pieces(messages, layouts, answer);
    const { addedBos, bosText } = vocabulary;
    const [begin] = pieces;
    // As transformers does: `ProcessorMixin.apply_chat_template` (5.18).
    const hasBos = bosText !== "" && typeof begin === "string" && begin.startsWith(bosText);
    const parts = pieces.map((piece, i) =>
      typeof piece === "string" ? encodeText(piece, vocabulary, i === 0) : piece,
    );
    return addedBos === null || hasBos ? parts : [[addedBos], ...parts];
  }

  /** The same as text, in which what a user wrote is guarded against being special. */
  pieces<T extends object>(
    messages: readonly TemplateMessage[],
    layouts: readonly (readonly (string | T)[])[],
    answer = "",
  ): (string | T)[] {
    const rendered = this.template.render(messages);
    const text = rendered.text + (answer === "" ? "" : this.template.guard(answer));
    return placeImages({ ...rendered, text }, layouts);
  }
}
