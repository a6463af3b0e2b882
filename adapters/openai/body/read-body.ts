import { ownTurn } from "../../../sdk/kit.ts";
import { ApiError } from "../http/api-error.ts";
import type { EndpointLimits } from "../limits.ts";
import { BodyScanner, type SentBody } from "./body-scanner.ts";
import type { RequestBytes } from "./held-bytes.ts";

/** Bytes that are scanned at a time. A server's chunks are smaller; a `Request` made in this process may have one chunk. */
const PART = 2 ** 18;

/**
 * Reads a JSON body.
 * @param signal the client has gone, or the time is over
 * @throws ApiError 400 for what is no JSON or too complex, 413, 415, 429; the signal's reason
 */
export async function readBody(
  request: Request,
  limits: EndpointLimits,
  bytes: RequestBytes,
  signal: AbortSignal,
): Promise<SentBody> {
  const type = request.headers.get("content-type") ?? "none";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ApiError(415, `Expected application/json for the content type but received ${type.slice(0, 80)}.`);
  }
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
  const scanner = new BodyScanner(limits);
  let read = 0;
  for await (const chunk of request.body ?? []) {
    signal.throwIfAborted();
    read += chunk.byteLength;
    if (read > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
    bytes.hold(chunk.byteLength);
    for (let start = 0; start < chunk.byteLength; start += PART) {
      await ownTurn();
      scanner.push(chunk.subarray(start, start + PART));
    }
  }
  // What has come is parsed in a turn of its own, and checked in another.
  await ownTurn();
  const body = scanner.end();
  await ownTurn();
  return body;
}

function tooLarge(most: number): ApiError {
  const message = `Expected a body of at most ${most} bytes but received a larger one. Send fewer or smaller images.`;
  return new ApiError(413, message, { code: "body_too_large", headers: { connection: "close" } });
}
