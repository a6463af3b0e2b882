import { randomUUID } from "node:crypto";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { joinInSteps } from "../../../sdk/kit.ts";
import { ApiError } from "../http/api-error.ts";
import type { EndpointLimits } from "../limits.ts";
import { DelimiterCounter } from "./delimiter-counter.ts";
import type { SentBody, SentImage } from "./sent-body.ts";

const MOST_FIELDS = 64;
const MOST_HEADERS = 16;
const MOST_HEADER_BYTES = 8192;

/** Fields of files, as OpenAI's clients name them; one that may have several is a list. */
const IMAGES = /^image(?:\[\d*\])?$/;

interface FormOptions {
  readonly limits: EndpointLimits;
  /** The client has gone, or the time is over. */
  readonly signal: AbortSignal;
}

/**
 * Reads multipart/form-data as its parts come: text fields by name, and files, all of which are images, as `SentBody` has
 * them: `image` is a list of keys and `mask` a key.
 * @param parts the body, whose bytes are counted already
 * @throws ApiError 400, 413; the signal's reason
 */
export async function readForm(
  parts: AsyncIterable<Uint8Array>,
  contentType: string,
  options: FormOptions,
): Promise<SentBody> {
  const form = new FormReader(contentType, options);
  for await (const part of parts) await form.push(part);
  return form.end();
}

class FormReader {
  readonly #limits: EndpointLimits;
  readonly #parser: BusboyInstance;
  readonly #fields = new Map<string, string | string[]>();
  readonly #images = new Map<string, SentImage>();
  readonly #nonce = randomUUID();
  /** Rejects at the first thing that is wrong. */
  readonly #failure: Promise<never>;
  /** A parser ends at the last delimiter, which may come before the last bytes. */
  readonly #finished: Promise<void>;
  readonly #delimiters: DelimiterCounter;
  /** Those that the parser has told of. It passes over one whose header is cut off or names no field. */
  #parts = 0;
  #textBytes = 0;

  constructor(contentType: string, { limits, signal }: FormOptions) {
    this.#limits = limits;
    this.#parser = open(contentType, limits);
    this.#delimiters = new DelimiterCounter(contentType);
    let fail: (error: unknown) => void = () => {};
    this.#failure = new Promise((_, reject) => {
      fail = reject;
    });
    this.#failure.catch(() => {});
    signal.addEventListener("abort", () => fail(signal.reason), { once: true });
    this.#finished = new Promise((resolve) => this.#parser.once("finish", resolve));
    this.#parser
      .on("error", (error) => fail(brokenForm(error)))
      .on("partsLimit", () => fail(tooMany("parts", MOST_FIELDS + limits.images + 1)))
      .on("filesLimit", () => fail(tooMany("files", limits.images + 1)))
      .on("fieldsLimit", () => fail(tooMany("fields", MOST_FIELDS)))
      .on("field", (name: string | undefined, value, _isCutName, isCutValue) => {
        this.#parts += 1;
        if (name === undefined) return fail(unreadPart());
        this.#textBytes += Buffer.byteLength(value);
        if (isCutValue || this.#textBytes > limits.textBytes) return fail(this.#tooMuchText());
        this.#add(name, value, fail);
      })
      .on("file", (name: string | undefined, stream) => {
        this.#parts += 1;
        const chunks: Uint8Array[] = [];
        stream
          .on("data", (chunk) => chunks.push(chunk))
          .on("error", (error) => fail(brokenForm(error)))
          .on("end", () => {
            if (name === undefined) return fail(unreadPart());
            if (!IMAGES.test(name) && name !== "mask") return fail(strangeFile(name));
            const key = `${this.#nonce}/${this.#images.size}`;
            this.#images.set(key, { bytes: () => joinInSteps(chunks) });
            this.#add(name, key, fail);
          });
      });
  }

  async push(part: Uint8Array): Promise<void> {
    this.#delimiters.push(part);
    const written = new Promise<void>((resolve) => {
      this.#parser.write(Buffer.from(part.buffer, part.byteOffset, part.byteLength), () => resolve());
    });
    await Promise.race([written, this.#failure]);
  }

  async end(): Promise<SentBody> {
    this.#parser.end();
    await Promise.race([this.#finished, this.#failure]);
    if (this.#parts < this.#delimiters.count) throw unreadPart();
    return { json: Object.fromEntries(this.#fields), images: this.#images };
  }

  #add(name: string, value: string, fail: (error: unknown) => void): void {
    if (IMAGES.test(name)) {
      const images = this.#fields.get("image") ?? [];
      this.#fields.set("image", [...images, value]);
    } else if (this.#fields.has(name)) fail(twice(name));
    else this.#fields.set(name, value);
  }

  #tooMuchText(): ApiError {
    const most = this.#limits.textBytes;
    const message = `Expected at most ${most} bytes of text in the form but received more. Send less text.`;
    return new ApiError(413, message, { code: "body_too_large", headers: { connection: "close" } });
  }
}

function open(contentType: string, limits: EndpointLimits): BusboyInstance {
  try {
    return new Busboy({
      headers: { "content-type": contentType },
      limits: {
        fieldSize: limits.textBytes,
        fields: MOST_FIELDS,
        files: limits.images + 1,
        parts: MOST_FIELDS + limits.images + 1,
        headerPairs: MOST_HEADERS,
        headerSize: MOST_HEADER_BYTES,
      },
    });
  } catch (cause) {
    throw brokenForm(cause);
  }
}

function brokenForm(cause: unknown): ApiError {
  const why = cause instanceof Error ? cause.message.slice(0, 200) : "";
  const message = `Expected multipart/form-data, whole and with its boundary, for the body but received something else: ${why}.`;
  return new ApiError(400, message, { code: "invalid_form", cause, headers: { connection: "close" } });
}

const refused = (message: string, param?: string) =>
  new ApiError(400, message, {
    code: "invalid_form",
    headers: { connection: "close" },
    ...(param !== undefined && { param }),
  });

const tooMany = (what: string, most: number) =>
  refused(`Expected at most ${most} ${what} in the form but received more.`);
const unreadPart = () =>
  refused(
    `Expected a header of at most ${MOST_HEADER_BYTES} bytes, with the name of a field, for each part of the form but received another.`,
  );
const twice = (name: string) => refused(`Expected one field ${name} in the form but received another.`, name);
const strangeFile = (name: string) =>
  refused(`Expected files for image and mask but received one for ${JSON.stringify(name.slice(0, 60))}.`);
