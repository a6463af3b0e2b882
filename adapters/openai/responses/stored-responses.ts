import type { VlmMessage } from "../../vision-language-model.ts";
import { ApiError } from "../http/api-error.ts";
import type { EndpointLimits } from "../limits.ts";

interface Stored {
  /** The conversation, with the answer as its last message. */
  readonly messages: readonly VlmMessage[];
  /** Ids of the answer's output items. */
  readonly items: readonly string[];
  readonly bytes: number;
}

/** Conversations that clients go on with by an id, in memory and within bounds. An id cannot be guessed. */
export class StoredResponses {
  readonly #limits: Pick<EndpointLimits, "storedResponses" | "storedBytes">;
  /** By the response's id, the longest unused first. */
  readonly #stored = new Map<string, Stored>();
  /** What each output item said. */
  readonly #items = new Map<string, VlmMessage>();
  #bytes = 0;

  constructor(limits: Pick<EndpointLimits, "storedResponses" | "storedBytes">) {
    this.#limits = limits;
  }

  /** One that is larger than all that may be kept is not kept. */
  add(id: string, items: ReadonlyMap<string, VlmMessage>, messages: readonly VlmMessage[]): void {
    const bytes = sizeOf(messages);
    if (bytes > this.#limits.storedBytes || this.#limits.storedResponses === 0) return;
    this.#stored.set(id, { messages, items: [...items.keys()], bytes });
    for (const [item, said] of items) this.#items.set(item, said);
    this.#bytes += bytes;
    for (const [oldest, { items: gone, bytes: freed }] of this.#stored) {
      if (this.#stored.size <= this.#limits.storedResponses && this.#bytes <= this.#limits.storedBytes) break;
      this.#stored.delete(oldest);
      for (const item of gone) this.#items.delete(item);
      this.#bytes -= freed;
    }
  }

  /** The conversation that a response ended. @throws ApiError 400 for one that is not kept */
  conversation(id: string): readonly VlmMessage[] {
    const stored = this.#stored.get(id);
    if (stored === undefined) throw notKept("previous_response_id", "previous_response_not_found", id);
    this.#stored.delete(id);
    this.#stored.set(id, stored);
    return stored.messages;
  }

  /** What an output item said. @throws ApiError 400 for one that is not kept */
  item(itemId: string, param: string): VlmMessage {
    const message = this.#items.get(itemId);
    if (message === undefined) throw notKept(param, "item_not_found", itemId);
    return message;
  }
}

function notKept(param: string, code: string, id: string): ApiError {
  const received = JSON.stringify(id.slice(0, 80));
  const message = `Expected the id of a response that is kept for ${param} but received ${received}. Send the conversation.`;
  return new ApiError(400, message, { param, code });
}

const sizeOf = (messages: readonly VlmMessage[]): number =>
  messages
    .flatMap(({ content, toolCalls }) => [
      ...(typeof content === "string" ? [content] : content),
      JSON.stringify(toolCalls ?? []),
    ])
    .reduce((sum, part) => sum + (typeof part === "string" ? 2 * part.length : imageSize(part)), 0);

function imageSize(part: object): number {
  const image = "image" in part ? part.image : null;
  if (typeof image === "string") return 2 * image.length;
  return ArrayBuffer.isView(image) ? image.byteLength : 0;
}
