import { ownTurn } from "../../../sdk/kit.ts";
import { ApiError } from "../http/api-error.ts";
import type { EndpointLimits } from "../limits.ts";
import { BodyScanner } from "./body-scanner.ts";
import type { RequestBytes } from "./held-bytes.ts";
import { readForm } from "./read-form.ts";
import type { SentBody } from "./sent-body.ts";

/** Bytes that are scanned at a time. A server's chunks are smaller; a `Request` made in this process may have one chunk. */
const PART = 2 ** 18;

export interface BodyOptions {
  readonly limits: EndpointLimits;
  /** Where the request's bytes are counted. */
  readonly bytes: RequestBytes;
  /** The client has gone, or the time is over. */
  readonly signal: AbortSignal;
  /** Whether multipart/form-data is read too. */
  readonly forms: boolean;
}

/**
 * Reads a body of JSON, or of a form.
 * @throws ApiError 400 for what is none or too complex, 413, 415, 429; the signal's reason
 */
export async function readBody(request: Request, options: BodyOptions): Promise<SentBody> {
  const { limits, forms } = options;
  const type = request.headers.get("content-type") ?? "none";
  const isForm = forms && /^multipart\/form-data\s*(;|$)/i.test(type);
  if (!isForm && !/^application\/json\s*(;|$)/i.test(type)) {
    const what = forms ? "multipart/form-data or application/json" : "application/json";
    throw new ApiError(415, `Expected ${what} for the content type but received ${type.slice(0, 80)}.`);
  }
  // Nothing here is unpacked: what is packed small could be any size.
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (!/^\s*identity\s*$/i.test(encoding)) {
    throw new ApiError(415, `Expected a body without a content encoding but received ${encoding.slice(0, 80)}.`);
  }
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
  const body = await (isForm ? readForm(parts(request, options), type, options) : readJson(request, options));
  await ownTurn();
  return body;
}

async function readJson(request: Request, options: BodyOptions): Promise<SentBody> {
  const scanner = new BodyScanner(options.limits);
  for await (const part of parts(request, options)) scanner.push(part);
  // What has come is parsed in a turn of its own, and checked in another.
  await ownTurn();
  return scanner.end();
}

/** The body's bytes, some at a time, each in a turn of its own. */
async function* parts(request: Request, { limits, bytes, signal }: BodyOptions): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const chunk of request.body ?? []) {
    signal.throwIfAborted();
    read += chunk.byteLength;
    if (read > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
    bytes.hold(chunk.byteLength);
    for (let start = 0; start < chunk.byteLength; start += PART) {
      await ownTurn();
      yield chunk.subarray(start, start + PART);
    }
  }
}

function tooLarge(most: number): ApiError {
  const message = `Expected a body of at most ${most} bytes but received a larger one. Send fewer or smaller images.`;
  return new ApiError(413, message, { code: "body_too_large", headers: { connection: "close" } });
}
