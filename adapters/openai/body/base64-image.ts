import { joinInSteps } from "../../../sdk/kit.ts";

/** The bytes of an image, decoded from base64 as its parts come. White space is passed over, as `atob` does. */
export class Base64Image {
  readonly #parts: Buffer[] = [];
  /** The beginning of an escape of JSON's, whose rest comes with the next part. */
  #escape = "";
  /** Digits that are not decoded yet: less than four. */
  #rest = "";
  #digits = 0;
  #padding = 0;
  #valid = true;

  /** @param bytes the next part of a JSON string, between its quotes */
  push(bytes: Buffer): void {
    if (!this.#valid) return;
    const text = this.#escape + bytes.toString("latin1");
    this.#escape = /\\(?:u[0-9a-f]{0,3})?$/i.exec(text)?.[0] ?? "";
    this.#decode(text.slice(0, text.length - this.#escape.length));
  }

  /** The image, put together in steps that let others go on; null for what is no base64. */
  async bytes(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#decode(this.#escape);
    this.#escape = "";
    const digits = this.#digits + this.#rest.length;
    // Without its padding, or with all of it.
    const whole = this.#padding === 0 ? digits % 4 !== 1 : (digits + this.#padding) % 4 === 0;
    if (!this.#valid || !whole) return null;
    return joinInSteps([...this.#parts, Buffer.from(this.#rest, "base64")]);
  }

  #decode(part: string): void {
    const text = unescaped(part).replaceAll(/[\t\n\f\r ]+/g, "");
    let end = text.length;
    while (end > 0 && text[end - 1] === "=") end -= 1;
    // Nothing follows the padding.
    if (/[^A-Za-z0-9+/]/.test(text.slice(0, end)) || (this.#padding > 0 && end > 0)) this.#valid = false;
    this.#padding += text.length - end;
    if (this.#padding > 2) this.#valid = false;
    const digits = this.#rest + text.slice(0, end);
    const whole = digits.length - (digits.length % 4);
    this.#parts.push(Buffer.from(digits.slice(0, whole), "base64"));
    this.#digits += whole;
    this.#rest = digits.slice(whole);
  }
}

function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return text; // its backslash is no base64
  }
}
