import type { ApiError } from "./api-error.ts";

/** A failure as the clients of a path read it. */
export type ErrorForm = (error: ApiError) => object;

export const ollamaError: ErrorForm = ({ message }) => ({ error: message });

/** Anthropic's names of statuses. */
const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
};

export const anthropicError: ErrorForm = ({ status, message }) => ({
  type: "error",
  error: { type: TYPES[status] ?? (status >= 500 ? "api_error" : "invalid_request_error"), message },
});

/** That of a path; OpenAI's by default. */
export function errorFormOf(path: string): ErrorForm {
  if (path.startsWith("/api/")) return ollamaError;
  return path.startsWith("/v1/messages") ? anthropicError : (error) => error.toJSON();
}
