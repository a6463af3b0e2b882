import { lookup } from "node:dns/promises";
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import type { LookupFunction } from "node:net";
import { joinInSteps, LinkedAbortController } from "../../../sdk/kit.ts";
import { ApiError } from "../http/api-error.ts";
import { isPublicAddress } from "./public-address.ts";

const MAX_REDIRECTS = 3;

export interface RemoteImageOptions {
  /** Called with each chunk's length before it is kept; throws where it is too much. */
  readonly hold: (bytes: number) => void;
  readonly timeoutMs: number;
  /** Which addresses may be connected to (default: public ones). */
  readonly isAllowed?: (address: string) => boolean;
  readonly signal?: AbortSignal;
}

/**
 * Fetches an image from another server. Each hop's name is resolved once and what it resolved to is connected to, so
 * that a name cannot point to a public address when it is checked and to a private one later.
 * @throws ApiError 400; the signal's reason
 */
export async function fetchRemoteImage(url: string, param: string, options: RemoteImageOptions): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const ends = new LinkedAbortController(options.signal, timeout);
  try {
    let target = httpUrl(url);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await request(target, await allowedAddress(target, options), ends.signal);
      const { statusCode = 0, headers } = response;
      if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) {
        return await imageBytes(response, options.hold);
      }
      response.destroy();
      target = httpUrl(headers.location, target);
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects`);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof ApiError) throw error;
    const failure = error instanceof Error ? error.message : String(error);
    const why = timeout.aborted ? `no answer within ${options.timeoutMs / 1000} s` : failure;
    throw new ApiError(400, `Expected an image at the URL of ${param} but received ${why}.`, {
      param,
      code: "invalid_image_url",
      cause: error,
    });
  } finally {
    ends.unlink();
  }
}

function httpUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) throw new Error("a URL that is none");
  const url = new URL(text, base);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new Error(`the protocol ${url.protocol}`);
  if (url.username !== "" || url.password !== "") throw new Error("a URL with a password");
  return url;
}

interface Address {
  readonly address: string;
  readonly family: number;
}

/** The first address of the URL's name. All must be allowed: one that is not says what the name is for. */
async function allowedAddress(
  { hostname }: URL,
  { isAllowed = isPublicAddress }: RemoteImageOptions,
): Promise<Address> {
  const addresses = await lookup(hostname.replace(/^\[|\]$/g, ""), { all: true }).catch(() => []);
  const [first] = addresses;
  if (first === undefined) throw new Error("a name that does not resolve");
  if (!addresses.every(({ address }) => isAllowed(address))) throw new Error("an address that is not public");
  return first;
}

function request(url: URL, { address, family }: Address, signal: AbortSignal): Promise<IncomingMessage> {
  const pinned: LookupFunction = (_name, options, found) =>
    options.all ? found(null, [{ address, family }]) : found(null, address, family);
  const get = url.protocol === "https:" ? httpsGet : httpGet;
  return new Promise((resolve, reject) => {
    const headers = { accept: "image/*", "accept-encoding": "identity" };
    get(url, { lookup: pinned, signal, headers, agent: false }, resolve).on("error", reject);
  });
}

async function imageBytes(response: IncomingMessage, hold: (bytes: number) => void): Promise<Uint8Array> {
  try {
    if (response.statusCode !== 200) throw new Error(`the status ${response.statusCode}`);
    const type = response.headers["content-type"] ?? "none";
    if (!/^image\//i.test(type)) throw new Error(`the content type ${type.slice(0, 80)}`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of response) {
      hold(chunk.byteLength);
      chunks.push(chunk);
    }
    return await joinInSteps(chunks);
  } finally {
    response.destroy();
  }
}
