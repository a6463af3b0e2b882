import * as z from "zod";
import { setFields } from "../../../sdk/kit.ts";
import type { GenerateOptions, ImageGenerator } from "../../generation/index.ts";
import { ApiError } from "../http/api-error.ts";
import { ignored } from "../http/parse.ts";
import { namedEvents } from "../http/streams.ts";
import type { EndpointLimits } from "../limits.ts";
import { type Call, now, type Reply } from "../route.ts";
import { imageEvents } from "./image-events.ts";
import { pngObject } from "./png-object.ts";

const MAX_PROMPT = 32_000;
/** OpenAI's. */
const MOST_PREVIEWS = 3;

export const promptField = z.string().min(1).max(MAX_PROMPT);

/** How a request has a number, or true or false. */
type Sent = <T>(schema: z.ZodType<T>) => z.ZodType<T>;

/** JSON as they are. */
export const asJson: Sent = (schema) => schema;

/** A form as text. */
export const asText: Sent = (schema) =>
  z.preprocess((value) => (typeof value === "string" && WRITTEN.test(value) ? JSON.parse(value) : value), schema);
const WRITTEN = /^(?:true|false|-?\d{1,15}(?:\.\d{1,15})?)$/;

/** OpenAI's fields of images that are drawn, and how to sample. */
export const drawFields = (limits: EndpointLimits, sent: Sent) => ({
  model: z.string().optional(),
  n: sent(z.int().min(1).max(limits.generatedImages)).optional(),
  size: z.string().optional(),
  response_format: z.literal("b64_json", "only b64_json is supported: this server keeps no images.").optional(),
  output_format: z.literal("png", "only png is supported.").optional(),
  quality: z.enum(["auto", "low", "medium", "high", "standard", "hd"]).optional(),
  background: z.literal(["auto", "opaque"], "only the background opaque is supported.").optional(),
  stream: sent(z.boolean()).optional(),
  partial_images: sent(z.int().min(0).max(MOST_PREVIEWS)).default(0),
  user: ignored,
  safety_identifier: ignored,
  seed: sent(z.int().min(0)).optional(),
  temperature: sent(z.number().min(0)).optional(),
  top_k: sent(z.int().min(0)).optional(),
  top_p: sent(z.number().gt(0).max(1)).optional(),
  guidance_scale: sent(z.number()).optional(),
  best_of: sent(z.int().min(1).max(limits.generatedImages)).optional(),
});

export type DrawRequest = z.output<z.ZodObject<ReturnType<typeof drawFields>>>;

export interface Drawing {
  readonly prompt: string;
  /** Of streamed events. */
  readonly kind: "image_generation" | "image_edit";
  /** Beside those of the request. */
  readonly options?: GenerateOptions;
}

/** Draws what the request asks for, in its turn. @throws ApiError 400 for another size than the model's, or too many drawings */
export async function draw(
  model: ImageGenerator,
  request: DrawRequest,
  { prompt, kind, options: own }: Drawing,
  call: Call,
): Promise<Reply> {
  checkSize(request.size, model);
  const { n = 1, best_of: bestOf = 1 } = request;
  const most = call.limits.generatedImages;
  if (n * bestOf > most) {
    const message = `Expected at most ${most} drawings for n times best_of but received ${n * bestOf}.`;
    throw new ApiError(400, message, { param: "best_of" });
  }
  warnOfQuality(request, call);
  await call.turn();
  const options = { ...toOptions(request, call.signal), ...own };
  call.used({ model: model.info.modelId });
  if (request.stream) {
    const events = model.generate(prompt, {
      ...options,
      previewRows: previewRows(request, model, own?.continueImage?.rows),
    });
    // What fails before the first event has a status of its own.
    const first = await events.next();
    return { events: imageEvents(kind, model, first, events), form: namedEvents };
  }
  const images = await model.generateImages(prompt, options);
  const data = await Promise.all(images.map(async ({ image, seed }) => ({ ...(await pngObject(image)), seed })));
  return { json: { created: now(), model: model.info.modelId, data } };
}

/** As many rows apart as make so many previews. */
export const previewRows = (
  { partial_images: count }: Pick<DrawRequest, "partial_images">,
  { info }: ImageGenerator,
  kept = 0,
): number => (count === 0 ? 0 : Math.ceil((info.grid.rows - kept) / (count + 1)));

/** @throws ApiError 400 for another size than the model's */
export function checkSize(size: string | undefined, { info }: ImageGenerator): void {
  const own = `${info.outputSize.width}x${info.outputSize.height}`;
  if (size === undefined || size === "auto" || size === own) return;
  const message = `Expected ${own} or auto for size but received ${JSON.stringify(size.slice(0, 40))}.`;
  throw new ApiError(400, message, { param: "size" });
}

/** A model draws in one quality: the likeliest of several drawings is the better one of a shape, and the plainer one of a photo. */
export function warnOfQuality({ quality }: Pick<DrawRequest, "quality">, call: Call): void {
  if (quality === undefined || quality === "auto" || quality === "standard") return;
  call.warn("quality has no effect here; best_of keeps the likeliest of several drawings.");
}

/** How to draw it. */
export const toOptions = (request: Omit<DrawRequest, "response_format">, signal: AbortSignal): GenerateOptions =>
  setFields({
    n: request.n,
    bestOf: request.best_of,
    seed: request.seed,
    temperature: request.temperature,
    topK: request.top_k,
    topP: request.top_p,
    guidanceScale: request.guidance_scale,
    signal,
  });
