import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { expectedBut } from "../../../sdk/kit.ts";

const DAY = 86_400;

/**
 * Lets web pages of other origins read answers.
 * @param origins such as "https://chat.example.com"; "*" for any page, which no server with a key allows
 * @throws INVALID_ARGUMENT for what is no origin
 */
export function allowOrigins(origins: readonly string[], apiKey: string | undefined): MiddlewareHandler {
  for (const origin of origins) {
    if (origin === "*" && apiKey === undefined) continue;
    if (origin === "*") {
      const mend = "Name the pages' origins, or leave the key out.";
      throw expectedBut("INVALID_ARGUMENT", "named origins", "a server with an API key", '"*"', mend);
    }
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    const mend = "Give scheme, name and port, without a path.";
    const received = JSON.stringify(origin);
    throw expectedBut("INVALID_ARGUMENT", 'an origin such as "https://chat.example.com"', "cors", received, mend);
  }
  const any = origins.includes("*");
  return cors({
    origin: (origin) => (any ? "*" : origins.includes(origin) ? origin : null),
    allowMethods: ["GET", "POST", "OPTIONS"],
    exposeHeaders: ["x-request-id", "x-vqrae-warning", "retry-after"],
    maxAge: DAY,
  });
}
