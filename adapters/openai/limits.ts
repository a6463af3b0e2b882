import * as z from "zod";
import { option, parseOptions, setFields } from "../../sdk/kit.ts";

/** What one request may take, and all requests together. */
export interface EndpointLimits {
  /** Bytes of a request's body (default 32 MiB). */
  readonly bodyBytes: number;
  /** Bytes of it beside its images (default 2 MiB). */
  readonly textBytes: number;
  /** Values of its JSON, over all lists and objects, each of which counts twice (default 131,072: the ids of two images). */
  readonly values: number;
  /** Names of fields, over all objects (default 10,000). */
  readonly fields: number;
  /** Lists and objects in each other (default 200). */
  readonly depth: number;
  /** Bytes of all bodies and fetched images that are held at a time (default 256 MiB); above it: 429. */
  readonly heldBytes: number;
  /** Images of a request (default 16). */
  readonly images: number;
  /** Messages of a conversation, and parts of all of them together (default 1,024). */
  readonly parts: number;
  /** Answers that one request may ask for, `n` (default 8). */
  readonly answers: number;
  /** Images that one request may ask for (default 10). */
  readonly generatedImages: number;
  /** Responses that are kept for `previous_response_id` (default 256), the longest unused of which makes room. */
  readonly storedResponses: number;
  /** Bytes of their conversations, images included (default 64 MiB). */
  readonly storedBytes: number;
  /** Requests that wait, for each kind of work (default 64); one more: 429 with Retry-After. */
  readonly waiting: number;
  /** Milliseconds from a request's arrival to the end of its answer (default 120,000). */
  readonly requestMs: number;
  /** Milliseconds in which a client must have sent its request (default 30,000). */
  readonly receiveMs: number;
  /** Characters of a text that ends an answer, `stop` (default 1,024). */
  readonly stopCharacters: number;
  /** Bytes of the images that one request has fetched from elsewhere (default 32 MiB). */
  readonly remoteBytes: number;
  /** Milliseconds for fetching one (default 15,000). */
  readonly remoteMs: number;
  /** Connections at a time (default 1,024). One more takes the place of the one that has asked nothing for the longest. */
  readonly connections: number;
  /** Milliseconds that a connection may stay without a request (default 10,000). */
  readonly idleMs: number;
}

const DEFAULT_LIMITS: EndpointLimits = {
  bodyBytes: 32 * 2 ** 20,
  textBytes: 2 * 2 ** 20,
  values: 131_072,
  fields: 10_000,
  depth: 200,
  heldBytes: 256 * 2 ** 20,
  images: 16,
  parts: 1024,
  answers: 8,
  generatedImages: 10,
  storedResponses: 256,
  storedBytes: 64 * 2 ** 20,
  waiting: 64,
  requestMs: 120_000,
  receiveMs: 30_000,
  stopCharacters: 1024,
  remoteBytes: 32 * 2 ** 20,
  remoteMs: 15_000,
  connections: 1024,
  idleMs: 10_000,
};

/** What is read by recursion must not run out of stack. */
const MAX_DEPTH = 1000;

const schema = z.strictObject({
  bodyBytes: option.integer(0),
  textBytes: option.integer(0),
  values: option.integer(0),
  fields: option.integer(0),
  depth: option.integer(1, MAX_DEPTH),
  heldBytes: option.integer(0),
  images: option.integer(0),
  parts: option.integer(0),
  answers: option.integer(1),
  generatedImages: option.integer(1),
  storedResponses: option.integer(0),
  storedBytes: option.integer(0),
  waiting: option.integer(0),
  requestMs: option.integer(1),
  receiveMs: option.integer(1),
  stopCharacters: option.integer(1),
  remoteBytes: option.integer(0),
  remoteMs: option.integer(1),
  connections: option.integer(1),
  idleMs: option.integer(1),
} satisfies Record<keyof EndpointLimits, z.ZodType>);

/** All limits, where none is given the default. @throws INVALID_ARGUMENT */
export const parseLimits = (limits: Partial<EndpointLimits> | undefined): EndpointLimits => ({
  ...DEFAULT_LIMITS,
  ...setFields(parseOptions(schema, limits, "createEndpoint's limits")),
});
