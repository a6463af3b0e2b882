import * as z from "zod";
import type { Encoder, ImageTokens } from "../../../sdk/index.ts";
import { listOf, parseBody } from "../http/parse.ts";
import { imageOf } from "../images/image-source.ts";
import type { EndpointLimits } from "../limits.ts";
import { defaultModel, type Route } from "../route.ts";

const tokensRequest = ({ images }: EndpointLimits) =>
  z.strictObject({
    model: z.string().optional(),
    image: z.union([z.string(), listOf(z.string(), images)]),
    /** Default: whether the tokenizer has a codebook. */
    ids: z.boolean().optional(),
    features: z.boolean().default(false),
    encoding_format: z.enum(["base64", "float"]).default("base64"),
  });

/** POST /v1/vision/tokens: images to ids and features. */
export const visionTokens =
  (models: ReadonlyMap<string, Encoder>): Route =>
  async (body, call) => {
    const request = await parseBody(tokensRequest(call.limits), body);
    const model = defaultModel(models, request.model);
    const { features, encoding_format: format } = request;
    const ids = request.ids ?? model.info.codebook !== null;
    const urls = typeof request.image === "string" ? [request.image] : request.image;
    const param = (i: number) => (typeof request.image === "string" ? "image" : `image[${i}]`);
    const images = [];
    for (const [i, url] of urls.entries()) images.push(await imageOf(url, param(i), call.images));
    await call.turn();
    const encoded = await model.encode(images, { features, ids, signal: call.signal });
    const { modelId, featureDim, codebook } = model.info;
    const data = encoded.map((tokens, index) => ({ object: "vision.tokens", index, ...tokensObject(tokens, format) }));
    return {
      json: {
        object: "list",
        model: modelId,
        feature_dim: featureDim,
        codebook_size: codebook?.size ?? null,
        codes_per_token: codebook?.codesPerToken ?? null,
        ...(codebook?.scales && { scales: codebook.scales }),
        data,
      },
    };
  };

function tokensObject({ grid, ids, features }: ImageTokens, format: "base64" | "float") {
  return { grid, ...(ids && { ids: [...ids] }), ...(features && { features: encoded(features, format) }) };
}

/** [tokens, feature_dim], row-major: numbers, or little-endian float32 in base64. */
function encoded(features: Float32Array, format: "base64" | "float"): string | number[] {
  if (format === "float") return [...features];
  return Buffer.from(features.buffer, features.byteOffset, features.byteLength).toString("base64");
}
