import * as z from "zod";
import type { ImageGenerator } from "../../generation/index.ts";
import { parseLooseBody } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";
import { defaultModel, type Route } from "../route.ts";
import { asJson, draw, drawFields, promptField } from "./draw.ts";

const generationRequest = (limits: EndpointLimits) =>
  z.object({
    ...drawFields(limits, asJson),
    prompt: promptField,
    style: z.undefined("it is not supported: the model has one.").optional(),
  });

/** POST /v1/images/generations */
export const imageGenerations =
  (models: ReadonlyMap<string, ImageGenerator>): Route =>
  async (body, call) => {
    const request = await parseLooseBody(generationRequest(call.limits), body, call.warn);
    const model = defaultModel(models, request.model);
    return draw(model, request, { prompt: request.prompt, kind: "image_generation" }, call);
  };
