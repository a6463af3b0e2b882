import type { EncoderGraph, Model } from "../../families/model.ts";
import type { GraphSettings } from "../../nn/onnx/graph-builder.ts";
import { buildCoordinatesGraph, buildFloat32SearchGraph, buildInt8SearchGraph } from "../../search/search-graphs.ts";
import { SHORTLIST } from "../../search/shortlists.ts";
import type { GraphName, GraphSource } from "../pool/protocol.ts";

/** Tokens in one graph run by default: enough to fill the matrix units, little enough that an abort is soon obeyed. */
const TOKENS_PER_RUN = 2048;
const MAX_DEFAULT_BATCH = 8;

/** Images in one graph run, where the caller does not say. */
export function defaultBatchSize({ encoder }: Model): number {
  return Math.min(MAX_DEFAULT_BATCH, Math.max(1, Math.floor(TOKENS_PER_RUN / encoder.maxTokens)));
}

/** Every graph that the model offers, and those that search its codebook. `weights`: the encoder's own or its int8 form. */
export function buildGraphs(
  { graphs, codebook }: Model,
  weights: object,
  settings: GraphSettings,
  report: (done: number, total: number) => void,
): Partial<Record<GraphName, GraphSource>> {
  const { encode, project, classify, quantize, codebook: rows } = graphs;
  const { decode, draw, decodeFeatures, embedIds, predictIds } = graphs;
  const withEncoder = (graph: EncoderGraph | undefined) => graph && (() => graph.build(weights, settings));
  const builders: Record<GraphName, (() => GraphSource) | undefined> = {
    encoder: withEncoder(encode),
    projector: withEncoder(project),
    classifier: withEncoder(classify),
    // Residual codes are compared in float64, which no GPU has.
    quantizer: quantize && (() => ({ ...quantize(settings), onCpu: codebook?.metric === "residual" })),
    codebook: rows && (() => rows(settings)),
    decoder: decode && (() => decode(settings)),
    // Its cache grows with each id, and would go to a GPU and back.
    drawer: draw && (() => ({ ...draw(settings), onCpu: true, prepack: true })),
    feature_decoder: decodeFeatures && (() => decodeFeatures(settings)),
    id_embedder: embedIds && (() => embedIds(settings)),
    id_predictor: predictIds && (() => predictIds(settings)),
    ...searchGraphs(codebook),
  };
  const built: Partial<Record<GraphName, GraphSource>> = {};
  const total = Object.values(builders).filter((build) => build !== undefined).length;
  for (const name of graphNames) {
    const build = builders[name];
    if (build === undefined) continue;
    report(Object.keys(built).length, total);
    built[name] = build();
  }
  report(total, total);
  return built;
}

const graphNames: readonly GraphName[] = [
  "encoder",
  "projector",
  "classifier",
  "quantizer",
  "codebook",
  "float32_search",
  "int8_search",
  "coordinates",
  "decoder",
  "drawer",
  "feature_decoder",
  "id_embedder",
  "id_predictor",
];

function searchGraphs(codebook: Model["codebook"]) {
  const none = { float32_search: undefined, int8_search: undefined, coordinates: undefined };
  if (codebook === null) return none;
  const count = Math.min(SHORTLIST, codebook.size);
  // Of the CPU's arithmetic alone it is known how far it can be wrong: a GPU may multiply in TF32.
  const onCpu = true;
  return {
    float32_search: () => ({ ...buildFloat32SearchGraph(count), onCpu }),
    int8_search: () => ({ ...buildInt8SearchGraph(count), onCpu }),
    coordinates: () => ({ ...buildCoordinatesGraph(), onCpu }),
  };
}
