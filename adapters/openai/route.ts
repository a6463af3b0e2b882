import { ApiError } from "./http/api-error.ts";
import type { Usage } from "./http/request-record.ts";
import type { StreamForm } from "./http/streams.ts";
import type { ImageSourceOptions } from "./images/image-source.ts";
import type { EndpointLimits } from "./limits.ts";

/** What a route answers: a JSON object, or a stream of them in its protocol's form. */
export type Reply = { readonly json: object } | { readonly events: AsyncGenerator<object>; readonly form: StreamForm };

/** What a route knows of the request beside its body. */
export interface Call {
  readonly limits: EndpointLimits;
  readonly images: ImageSourceOptions;
  /** Aborts when the client has gone or the time is over. */
  readonly signal: AbortSignal;
  /** Waits until it is this request's turn to use a model. */
  turn(): Promise<void>;
  /** Tells the client, by a header, and the log what its answer does without. */
  warn(warning: string): void;
  /** Tells the log which model answered, and what it counted. */
  used(usage: Usage): void;
}

/** Answers one request. Throws ApiError, and what models throw. */
export type Route = (body: unknown, call: Call) => Promise<Reply>;

/** The model of an id. @throws ApiError 404 */
export function requireModel<T>(models: ReadonlyMap<string, T>, id: string): T {
  const model = models.get(id);
  if (model !== undefined) return model;
  const known = [...models.keys()].join(", ") || "none";
  const message = `Expected one of the models for this route (${known}) but received ${JSON.stringify(id.slice(0, 80))}.`;
  throw new ApiError(404, message, { param: "model", code: "model_not_found" });
}

/** The default model of a route that may be called without one. @throws ApiError 404 */
export const defaultModel = <T>(models: ReadonlyMap<string, T>, id: string | undefined): T =>
  requireModel(models, id ?? models.keys().next().value ?? "");

/** Seconds since 1970, as OpenAI's objects count. */
export const now = (): number => Math.floor(Date.now() / 1000);
