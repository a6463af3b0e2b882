import { z } from "zod";
import type { Decoder } from "../../../sdk/index.ts";
import { listOf, parseBody } from "../http/parse.ts";
import { pngObject } from "../images/generations.ts";
import type { EndpointLimits } from "../limits.ts";
import { defaultModel, now, type Route } from "../route.ts";

/** Ids of an image. */
const MAX_IDS = 65_536;

const decodeRequest = ({ images }: EndpointLimits) => {
  const grid = listOf(z.int(), MAX_IDS);
  return z.strictObject({
    model: z.string().optional(),
    ids: z.union([grid.transform((ids) => [ids]), listOf(grid, images)]),
  });
};

/** POST /v1/vision/decode: ids, in raster order, to images. */
export const visionDecode =
  (models: ReadonlyMap<string, Decoder>): Route =>
  async (body, call) => {
    const { model: id, ids } = parseBody(decodeRequest(call.limits), body);
    const model = defaultModel(models, id);
    await call.turn();
    const images = await model.decode(ids, { signal: call.signal });
    return { json: { created: now(), model: model.info.modelId, data: await Promise.all(images.map(pngObject)) } };
  };
