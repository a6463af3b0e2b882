import { placeImages } from "./place-images.ts";
import type { ChatTemplate, RenderedPrompt, TemplateMessage } from "./template/chat-template.ts";
import { opensThought } from "./thoughts.ts";
import { encodeText, unguarded, type Vocabulary } from "./vocabulary.ts";

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
   * @throws as `ChatTemplate.render`
   */
  async write<T extends object>(
    messages: readonly TemplateMessage[],
    layouts: Layouts<T>,
    signal?: AbortSignal,
  ): Promise<(readonly number[] | T)[]> {
    return this.#encode(placeImages(await this.template.render(messages, signal), layouts));
  }

  /**
   * The same at once, as `ChatTemplate.renderNow`.
   * @param answer what the model has said of its answer already
   */
  writeNow<T extends object>(
    messages: readonly TemplateMessage[],
    layouts: Layouts<T>,
    answer = "",
  ): (readonly number[] | T)[] {
    const rendered = this.template.renderNow(messages);
    const text = rendered.text + (answer === "" ? "" : this.template.guard(answer));
    return this.#encode(placeImages({ ...rendered, text }, layouts));
  }

  /**
   * The same as text, for who turns text into ids, and whether the template leaves a thought open.
   * @throws as `ChatTemplate.render`
   */
  async texts<T extends object>(
    messages: readonly TemplateMessage[],
    layouts: Layouts<T>,
    signal?: AbortSignal,
  ): Promise<{ pieces: (string | T)[]; opensThought: boolean }> {
    const rendered = await this.template.render(messages, signal);
    const pieces = placeImages(rendered, layouts).map((one) => (typeof one === "string" ? unguarded(one) : one));
    return { pieces, opensThought: this.#opensThought(rendered) };
  }

  /** Whether the template leaves a thought open, in which the answer goes on. @throws as `ChatTemplate.renderNow` */
  opensThoughtNow(messages: readonly TemplateMessage[]): boolean {
    return this.#opensThought(this.template.renderNow(messages));
  }

  #opensThought({ text }: RenderedPrompt): boolean {
    const { thoughts } = this.template;
    return thoughts !== null && opensThought(text, thoughts);
  }

  #encode<T extends object>(pieces: readonly (string | T)[]): (readonly number[] | T)[] {
    const { vocabulary } = this;
    const { addedBos, bosText } = vocabulary;
    const [begin] = pieces;
    // As transformers does: `ProcessorMixin.apply_chat_template` (5.18).
    const hasBos = bosText !== "" && typeof begin === "string" && begin.startsWith(bosText);
    const parts = pieces.map((piece, i) =>
      typeof piece === "string" ? encodeText(piece, vocabulary, i === 0) : piece,
    );
    return addedBos === null || hasBos ? parts : [[addedBos], ...parts];
  }
}

/** For each image its texts and what stands for its embeddings. */
type Layouts<T> = readonly (readonly (string | T)[])[];
