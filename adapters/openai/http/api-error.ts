import { VqraeError, type VqraeErrorCode } from "../../../sdk/index.ts";

export interface ApiErrorOptions {
  readonly code?: string;
  /** The field of the request that is wrong, such as "messages[0].content". */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An answer that is no success, in the form that OpenAI's clients read. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, { code, param, headers, cause }: ApiErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code ?? null;
    this.param = param ?? null;
    this.headers = headers ?? {};
  }

  /** OpenAI's error object. */
  toJSON() {
    const { message, param, code } = this;
    return { error: { message, type: typeOf(this.status), param, code } };
  }

  /** @param body the error object, in another form than OpenAI's */
  toResponse(body: object = this.toJSON()): Response {
    return Response.json(body, { status: this.status, headers: this.headers });
  }
}

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** Statuses of what the client can mend, by the package's own code. All others are the server's fault. */
const STATUSES: Partial<Record<VqraeErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  INVALID_IMAGE: 400,
  IMAGE_TOO_LARGE: 400,
  CONTEXT_OVERFLOW: 400,
  UNSUPPORTED: 400,
  DISPOSED: 503,
};

/** Codes that OpenAI's clients know by another name. */
const OPENAI_CODES: Partial<Record<VqraeErrorCode, string>> = { CONTEXT_OVERFLOW: "context_length_exceeded" };

/** Any failure as an answer. The client sees messages that are meant for it, and no others. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (VqraeError.isInstance(error)) {
    const status = STATUSES[error.code] ?? 500;
    return new ApiError(status, error.message, {
      code: OPENAI_CODES[error.code] ?? error.code.toLowerCase(),
      cause: error,
    });
  }
  const message = "The server failed at this request. Its log says more.";
  return new ApiError(500, message, { code: "internal_error", cause: error });
}
