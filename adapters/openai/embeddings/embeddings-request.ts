import * as z from "zod";
import { describe } from "../../../sdk/kit.ts";
import { ApiError } from "../http/api-error.ts";
import { ignored } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";

/** An image that a request names, and the field that does. */
export interface NamedImage {
  /** A URL, or base64. */
  readonly text: string;
  readonly param: string;
}

/** A text is an image where it is a URL of one, or stood for one in the body. */
const isUrl = (text: string): boolean => /^(?:data:|https?:|file:|[\da-f-]{36}\/\d+$)/i.test(text);
const url = z.string().refine(isUrl);
const base64 = z.string();
const imagePart = z.union([
  z
    .object({ image_url: z.union([url, z.object({ url }).transform((one) => one.url)]) })
    .transform((one) => one.image_url),
  z.object({ image: base64 }).transform(({ image }) => image),
]);
const content = z.union([imagePart, z.tuple([imagePart]).transform(([one]) => one)]);

/** llama-server's: a mark in the text for the image, and no other text. */
const llamaInput = z
  .object({
    prompt_string: z
      .string()
      .regex(/^\s*(?:<__[\w-]*media[\w-]*__>\s*)?$/)
      .optional(),
    multimodal_data: z.tuple([base64]),
  })
  .transform(({ multimodal_data: [data] }) => data);

const item = z.union([url, imagePart, z.object({ content }).transform((one) => one.content), llamaInput]);

/**
 * POST /v1/embeddings: OpenAI's fields with images for texts, as data: URLs in `input`; the forms of vLLM (`messages`),
 * llama-server (`content` with `multimodal_data`) and others (`{ image }`, `{ image_url }`).
 */
export const embeddingsRequest = z.object({
  model: z.string().optional(),
  input: z.unknown().optional(),
  content: z.unknown().optional(),
  messages: z.unknown().optional(),
  encoding_format: z.enum(["float", "base64"]).default("float"),
  dimensions: z.int().min(1).optional(),
  user: ignored,
});

export type EmbeddingsRequest = z.output<typeof embeddingsRequest>;

/**
 * The images of a request, each of which is embedded by itself.
 * @throws ApiError 400 for what is no image, and for too many
 */
export function imagesOf(request: EmbeddingsRequest, { images: most }: EndpointLimits): NamedImage[] {
  const named: NamedImage[] = [];
  for (const field of ["input", "content", "messages"] as const) {
    const value = request[field];
    if (value === undefined) continue;
    const isList = Array.isArray(value);
    const items: readonly unknown[] = isList ? value : [value];
    if (named.length + items.length > most) throw wrong(`at most ${most} images`, field, "more");
    for (const [i, one] of items.entries()) {
      const param = isList ? `${field}[${i}]` : field;
      const parsed = item.safeParse(one);
      if (!parsed.success) throw wrong("one image", param, `${describe(one)}. This server embeds no text`);
      named.push({ text: parsed.data, param });
    }
  }
  if (named.length === 0) throw wrong("an image", "input", "none");
  return named;
}

export const wrong = (what: string, param: string, received: string) =>
  new ApiError(400, `Expected ${what} for ${param} but received ${received}.`, { param });
