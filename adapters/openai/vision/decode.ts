import * as z from "zod";
import type { Decoder } from "../../../sdk/index.ts";
import { listOf, parseBody } from "../http/parse.ts";
import { pngObject } from "../images/png-object.ts";
import type { EndpointLimits } from "../limits.ts";
import { defaultModel, now, type Route } from "../route.ts";

/** Ids of an image. */
const MAX_IDS = 65_536;

const decodeRequest = ({ images }: EndpointLimits) => {
  const grid = z.array(z.unknown()).max(MAX_IDS, `Expected at most ${MAX_IDS} items`).transform(idsOf);
  return z.strictObject({
    model: z.string().optional(),
    ids: z.union([grid.transform((ids) => [ids]), listOf(grid, images)]),
  });
};

/** Names the first value that is no id: to check each by a schema of its own takes a millisecond for ten. */
function idsOf(values: readonly unknown[], context: z.RefinementCtx): number[] {
  const ids: number[] = [];
  for (const [i, value] of values.entries()) {
    if (typeof value === "number" && Number.isSafeInteger(value)) ids.push(value);
    else {
      context.addIssue({ code: "invalid_type", expected: "int", input: value, path: [i] });
      return z.NEVER;
    }
  }
  return ids;
}

/** POST /v1/vision/decode: ids, in raster order, to images. */
export const visionDecode =
  (models: ReadonlyMap<string, Decoder>): Route =>
  async (body, call) => {
    const { model: id, ids } = await parseBody(decodeRequest(call.limits), body);
    const model = defaultModel(models, id);
    await call.turn();
    const images = await model.decode(ids, { signal: call.signal });
    return { json: { created: now(), model: model.info.modelId, data: await Promise.all(images.map(pngObject)) } };
  };
