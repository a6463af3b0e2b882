import * as z from "zod";
import { setFields } from "../../../sdk/kit.ts";
import type { GenerateOptions, ImageGenerator } from "../../generation/index.ts";
import { ApiError } from "../http/api-error.ts";
import { ignored, parseLooseBody } from "../http/parse.ts";
import { namedEvents } from "../http/streams.ts";
import type { EndpointLimits } from "../limits.ts";
import { defaultModel, now, type Route } from "../route.ts";
import { imageEvents } from "./image-events.ts";
import { pngObject } from "./png-object.ts";

const MAX_PROMPT = 32_000;
/** OpenAI's. */
const MOST_PREVIEWS = 3;

/** OpenAI's fields, and how to sample. */
const generationRequest = (limits: EndpointLimits) =>
  z.object({
    model: z.string().optional(),
    prompt: z.string().min(1).max(MAX_PROMPT),
    n: z.int().min(1).max(limits.generatedImages).optional(),
    size: z.string().optional(),
    response_format: z.literal("b64_json", "only b64_json is supported: this server keeps no images.").optional(),
    output_format: z.literal("png", "only png is supported.").optional(),
    quality: z.literal(["auto", "standard"], "only the quality auto is supported.").optional(),
    background: z.literal(["auto", "opaque"], "only the background opaque is supported.").optional(),
    stream: z.boolean().optional(),
    partial_images: z.int().min(0).max(MOST_PREVIEWS).default(0),
    style: z.undefined("it is not supported: the model has one.").optional(),
    user: ignored,
    safety_identifier: ignored,
    seed: z.int().min(0).optional(),
    temperature: z.number().min(0).optional(),
    top_k: z.int().min(0).optional(),
    top_p: z.number().gt(0).max(1).optional(),
    guidance_scale: z.number().optional(),
  });

type GenerationRequest = z.output<ReturnType<typeof generationRequest>>;

/** POST /v1/images/generations */
export const imageGenerations =
  (models: ReadonlyMap<string, ImageGenerator>): Route =>
  async (body, call) => {
    const request = await parseLooseBody(generationRequest(call.limits), body, call.warn);
    const model = defaultModel(models, request.model);
    checkSize(request.size, model);
    await call.turn();
    const options = toOptions(request, call.signal);
    call.used({ model: model.info.modelId });
    if (request.stream) {
      const events = model.generate(request.prompt, { ...options, previewRows: previewRows(request, model) });
      // What fails before the first event has a status of its own.
      const first = await events.next();
      return { events: imageEvents(model, first, events), form: namedEvents };
    }
    const images = await model.generateImages(request.prompt, options);
    const data = await Promise.all(images.map(async ({ image, seed }) => ({ ...(await pngObject(image)), seed })));
    return { json: { created: now(), model: model.info.modelId, data } };
  };

/** As many rows apart as make so many previews. */
const previewRows = ({ partial_images: count }: GenerationRequest, { info }: ImageGenerator): number =>
  count === 0 ? 0 : Math.ceil(info.grid.rows / (count + 1));

function checkSize(size: string | undefined, { info }: ImageGenerator): void {
  const own = `${info.outputSize.width}x${info.outputSize.height}`;
  if (size === undefined || size === "auto" || size === own) return;
  const message = `Expected ${own} or auto for size but received ${JSON.stringify(size.slice(0, 40))}.`;
  throw new ApiError(400, message, { param: "size" });
}

const toOptions = (request: GenerationRequest, signal: AbortSignal): GenerateOptions =>
  setFields({
    n: request.n,
    seed: request.seed,
    temperature: request.temperature,
    topK: request.top_k,
    topP: request.top_p,
    guidanceScale: request.guidance_scale,
    signal,
  });
