import { randomUUID } from "node:crypto";
import { ApiError } from "../http/api-error.ts";
import { Base64Image } from "./base64-image.ts";
import type { SentBody } from "./sent-body.ts";

/** What the JSON of a body may have. */
export interface StructureLimits {
  /** Bytes of JSON beside the images. */
  readonly textBytes: number;
  /** Values, over all lists and objects. */
  readonly values: number;
  /** Names of fields, over all objects. */
  readonly fields: number;
  /** Lists and objects in each other. */
  readonly depth: number;
}

export const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a] as const;
export const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;

/** Fields that hold images. */
const IMAGE_FIELDS = ["url", "image", "image_url", "input", "mask"];
/** Fields that hold images as base64 alone: Ollama's, Anthropic's, llama-server's. */
const BASE64_FIELDS = ["images", "data", "multimodal_data"];
const LONGEST_FIELD = Math.max(...[...IMAGE_FIELDS, ...BASE64_FIELDS].map((name) => name.length));
/** JSON may write a slash as "\/". */
const IMAGE_HEAD = /^data:image\\?\/[a-z0-9.+-]+(;[a-z0-9.+-]+=[a-z0-9.+-]*)*; *base64,$/i;
const LONGEST_HEAD = 100;
/** A text of this many characters, none of which is another, is taken for an image. */
const BASE64_HEAD = /^[A-Za-z0-9+/]+$/;

const FIRST_BYTES = 4096;

/** What the scanner is in: the text between strings, a string, a string that may begin an image, or an image. */
type State = "outside" | "string" | "head" | "image";

/**
 * Reads the JSON of a body as its chunks come, so that no chunk takes long. It counts values, fields and depth before
 * anything is parsed, and decodes images on the way: what `JSON.parse` gets is at most `textBytes` long.
 */
export class BodyScanner {
  readonly #limits: StructureLimits;
  /** The JSON, each image replaced by its key. */
  #text = Buffer.allocUnsafe(FIRST_BYTES);
  readonly #images = new Map<string, Base64Image>();
  /** Nobody can know the key of an image before. */
  readonly #nonce = randomUUID();
  /** Of each list or object that is open, whether it is a list. */
  readonly #lists: boolean[] = [];
  #state: State = "outside";
  #escaped = false;
  #textBytes = 0;
  #values = 0;
  #fields = 0;
  /** The beginning of the string at hand, as far as it tells a field's name or an image. */
  #head = "";
  /** The name of the last field. */
  #field = "";
  #image = new Base64Image();

  constructor(limits: StructureLimits) {
    this.#limits = limits;
  }

  /** @throws ApiError 400, 413 */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "outside") at = this.#outside(bytes, at);
      else if (this.#state === "head") at = this.#inHead(bytes, at);
      else at = this.#inString(bytes, at);
    }
  }

  /** @throws ApiError 400 for what is no JSON */
  end(): SentBody {
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(this.#text.subarray(0, this.#textBytes));
      return { json: JSON.parse(text), images: this.#images };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message.slice(0, 200) : "";
      const message = `Expected JSON for the body but received something else: ${why}.`;
      throw new ApiError(400, message, { code: "invalid_json", cause });
    }
  }

  /** Up to the next string. @returns the place of what is not read yet */
  #outside(bytes: Buffer, start: number): number {
    let at = start;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#state = "head";
        this.#head = "";
        at += 1;
        break;
      }
      if (byte === COMMA) {
        this.#count(1, 0);
        // In an object a name follows.
        if (this.#lists.at(-1) !== true) this.#field = "";
      } else if (byte === COLON) {
        this.#count(0, 1);
        this.#field = this.#head;
      } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        this.#open(byte === OPEN_LIST);
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        this.#lists.pop();
        this.#field = "";
      }
    }
    this.#keep(bytes.subarray(start, at));
    return at;
  }

  /** The beginning of a string, until it is known whether it is an image. */
  #inHead(bytes: Buffer, start: number): number {
    const isBase64 = BASE64_FIELDS.includes(this.#field);
    const longest = isBase64 || IMAGE_FIELDS.includes(this.#field) ? LONGEST_HEAD : LONGEST_FIELD + 1;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (isBase64 && this.#head.length >= longest && BASE64_HEAD.test(this.#head)) {
        this.#state = "image";
        this.#escaped = false;
        this.#image = new Base64Image();
        this.#image.push(Buffer.from(this.#head, "latin1"));
        return at;
      }
      if (byte === QUOTE || this.#head.length >= longest) {
        this.#keep(Buffer.from(this.#head, "latin1"));
        this.#state = "string";
        this.#escaped = /(?:^|[^\\])(?:\\\\)*\\$/.test(this.#head);
        return at;
      }
      this.#head += String.fromCharCode(byte ?? 0);
      if (byte === COMMA && longest === LONGEST_HEAD && IMAGE_HEAD.test(this.#head)) {
        this.#state = "image";
        this.#escaped = false;
        this.#image = new Base64Image();
        return at + 1;
      }
    }
    return bytes.length;
  }

  /** Up to the end of a string or an image. */
  #inString(bytes: Buffer, start: number): number {
    let escaped = this.#escaped;
    let at = start;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) break;
    }
    this.#escaped = escaped;
    const ends = at < bytes.length;
    if (this.#state === "image") {
      this.#image.push(bytes.subarray(start, at));
      if (ends) this.#endImage();
    } else this.#keep(bytes.subarray(start, ends ? at + 1 : at));
    if (!ends) return at;
    this.#state = "outside";
    return at + 1;
  }

  #open(isList: boolean): void {
    this.#count(1, 0);
    this.#lists.push(isList);
    if (!isList) this.#field = "";
    const { depth } = this.#limits;
    if (this.#lists.length > depth) throw tooComplex(`lists and objects ${depth} deep`, "deeper ones");
  }

  #endImage(): void {
    const key = `${this.#nonce}/${this.#images.size}`;
    this.#images.set(key, this.#image);
    this.#keep(Buffer.from(`${key}"`));
  }

  #keep(bytes: Buffer): void {
    const length = this.#textBytes + bytes.length;
    const { textBytes } = this.#limits;
    if (length > textBytes) {
      const message = `Expected at most ${textBytes} bytes of JSON beside the images but received more. Send less text.`;
      throw new ApiError(413, message, { code: "body_too_large", headers: { connection: "close" } });
    }
    if (length > this.#text.length) {
      const larger = Buffer.allocUnsafe(Math.min(textBytes, 2 * length));
      this.#text.copy(larger, 0, 0, this.#textBytes);
      this.#text = larger;
    }
    bytes.copy(this.#text, this.#textBytes);
    this.#textBytes = length;
  }

  #count(values: number, fields: number): void {
    this.#values += values;
    this.#fields += fields;
    const { values: mostValues, fields: mostFields } = this.#limits;
    if (this.#values > mostValues) throw tooComplex(`at most ${mostValues} values`, "more");
    if (this.#fields > mostFields) throw tooComplex(`at most ${mostFields} fields`, "more");
  }
}

const tooComplex = (most: string, received: string) =>
  new ApiError(400, `Expected ${most} for the body but received ${received}.`, {
    code: "body_too_complex",
    headers: { connection: "close" },
  });
