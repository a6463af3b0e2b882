import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "./api-error.ts";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Takes as long whatever is sent. @throws ApiError 401 */
export function requireApiKey(request: Request, apiKey: string | undefined): void {
  if (apiKey === undefined) return;
  const bearer = /^Bearer (.*)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  // Anthropic's clients have a header of their own.
  const sent = bearer ?? request.headers.get("x-api-key") ?? "";
  if (timingSafeEqual(digest(sent), digest(apiKey))) return;
  const message =
    "Expected the server's API key for the Authorization header (Bearer ...) but received another or none.";
  throw new ApiError(401, message, { code: "invalid_api_key", headers: { "www-authenticate": "Bearer" } });
}
