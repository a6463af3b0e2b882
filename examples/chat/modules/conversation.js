/** The conversation, kept on this device: it is there again when the page is loaded again. */
import { del, get, set } from "idb-keyval";

const KEY = "vqrae-chat";
/** What is kept of a long conversation: its newest exchanges, as many as these bounds let. */
const MOST_EXCHANGES = 200;
const MOST_CHARACTERS = 32 * 2 ** 20;

/**
 * @typedef {object} Exchange a question and its answer, or words and the picture drawn of them
 * @property {string} id
 * @property {"question" | "drawing"} kind
 * @property {string} text
 * @property {string[]} images data: URLs
 * @property {string} answer "" while there is none
 * @property {{ url: string, seed: number }} [picture] what was drawn
 * @property {string} [error]
 */

export class Conversation {
  /** @type {Exchange[]} */
  exchanges = [];

  /** Takes what this device has kept; nothing where it keeps none (private windows). */
  async restore() {
    this.exchanges = (await get(KEY).catch(() => undefined)) ?? [];
  }

  add(exchange) {
    this.exchanges.push(exchange);
  }

  /** Removes an exchange and what follows it. */
  cutFrom(exchange) {
    this.exchanges.splice(this.exchanges.indexOf(exchange));
  }

  async clear() {
    this.exchanges = [];
    await del(KEY).catch(() => {});
  }

  async save() {
    if (this.exchanges.length === 0) return;
    await set(KEY, newest(this.exchanges)).catch(() => {}); // no room, or none is given: the chat goes on without
  }

  /** What the model is sent: OpenAI's messages, up to the question of `last`. Drawings and failures are left out. */
  messages(last, system) {
    const answered = this.exchanges.filter(({ kind, answer }) => kind === "question" && answer !== "");
    const earlier = answered
      .filter((one) => one !== last)
      .flatMap((one) => [asked(one), { role: "assistant", content: one.answer }]);
    return [...(system === "" ? [] : [{ role: "system", content: system }]), ...earlier, asked(last)];
  }
}

const asked = ({ text, images }) => ({
  role: "user",
  content: [...images.map((url) => ({ type: "image_url", image_url: { url } })), { type: "text", text }],
});

const sizeOf = ({ text, images, answer, picture }) =>
  [text, answer, picture?.url ?? "", ...images].reduce((sum, { length }) => sum + length, 0);

function newest(exchanges) {
  let characters = 0;
  const from = exchanges.findLastIndex((exchange, i) => {
    characters += sizeOf(exchange);
    return characters > MOST_CHARACTERS || exchanges.length - i > MOST_EXCHANGES;
  });
  return exchanges.slice(from + 1);
}
