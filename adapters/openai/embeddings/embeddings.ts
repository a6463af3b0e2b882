import type { Encoder } from "../../../sdk/index.ts";
import { sumOfTokens, unitLength } from "../../token-vectors.ts";
import { parseLooseBody } from "../http/parse.ts";
import { rawImageOf } from "../images/image-source.ts";
import { defaultModel, type Route } from "../route.ts";
import { type EmbeddingsRequest, embeddingsRequest, imagesOf, wrong } from "./embeddings-request.ts";

/** POST /v1/embeddings: the mean of an image's features, of length 1. */
export const embeddings =
  (models: ReadonlyMap<string, Encoder>): Route =>
  async (body, call) => {
    const request = await parseLooseBody(embeddingsRequest, body, call.warn);
    const model = defaultModel(models, request.model);
    const { featureDim: size, modelId } = model.info;
    if (size === null) throw wrong("a tokenizer that has features", "model", modelId);
    checkDimensions(request, size);
    const images = [];
    for (const { text, param } of imagesOf(request, call.limits)) {
      images.push(await rawImageOf(text, param, call.images));
    }
    await call.turn();
    const encoded = await model.encode(images, { features: true, ids: false, signal: call.signal });
    const tokens = encoded.reduce((sum, { grid }) => sum + grid.rows * grid.columns, 0);
    call.used({ model: modelId, promptTokens: tokens });
    const data = encoded.map(({ features }, index) => {
      const values = Float32Array.from(unitLength(sumOfTokens(features, size)));
      const embedding = request.encoding_format === "float" ? [...values] : base64(values);
      return { object: "embedding", index, embedding };
    });
    return { json: { object: "list", data, model: modelId, usage: { prompt_tokens: tokens, total_tokens: tokens } } };
  };

function checkDimensions({ dimensions }: EmbeddingsRequest, size: number): void {
  if (dimensions === undefined || dimensions === size) return;
  throw wrong(String(size), "dimensions", String(dimensions));
}

/** Little-endian float32, as OpenAI's clients read it. */
const base64 = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");
