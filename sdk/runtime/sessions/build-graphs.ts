import type { TokenGrid } from "../../contract/image.ts";
import type { VisionTokenizerInfo } from "../../contract/vision-tokenizer.ts";
import type { Checkpoint, ProjectorSpec } from "../../families/checkpoint.ts";
import { buildDecoderGraph } from "../../families/vqrae/decoder.ts";
import { buildCodebookGraph, buildQuantizerGraph } from "../../families/vqrae/quantizer.ts";
import type { GraphSettings } from "../../nn/onnx/graph-builder.ts";
import { buildProjectorGraph } from "../../nn/ops/projector.ts";
import { buildEncoderGraph } from "../../nn/vit/encoder.ts";
import type { EncoderSpec } from "../../nn/vit/vit-spec.ts";
import { buildCoordinatesGraph, buildFloat32SearchGraph, buildInt8SearchGraph } from "../../search/search-graphs.ts";
import { SHORTLIST } from "../../search/shortlists.ts";
import type { AnyLinearRef } from "../../weights/tensor-ref.ts";
import type { ChosenDevice } from "../devices/choose-device.ts";
import type { GraphName, GraphSource, Precision } from "../pool/protocol.ts";

/** Tokens in one graph run by default: enough to fill the matrix units, little enough that an abort is soon obeyed. */
const TOKENS_PER_RUN = 2048;
const MAX_DEFAULT_BATCH = 8;

/** Images in one graph run, where the caller does not say. */
export function defaultBatchSize({ encoder }: Checkpoint): number {
  return Math.min(MAX_DEFAULT_BATCH, Math.max(1, Math.floor(TOKENS_PER_RUN / encoder.maxPatches)));
}

/** Every graph that the checkpoint has the weights for, `encoder` being its own or the int8 form of it. */
export function buildGraphs(
  checkpoint: Checkpoint,
  encoder: EncoderSpec<AnyLinearRef>,
  settings: GraphSettings,
  report: (done: number, total: number) => void,
): Partial<Record<GraphName, GraphSource>> {
  const builders: [GraphName, (checkpoint: Checkpoint, settings: GraphSettings) => GraphSource][] = [
    ["encoder", () => buildEncoderGraph({ ...checkpoint, encoder }, settings)],
  ];
  const { projector } = checkpoint;
  if (projector) builders.push(["projector", () => buildProjectorGraph({ encoder, projector }, settings)]);
  if (checkpoint.quantizer) {
    builders.push(["quantizer", buildQuantizerGraph], ["codebook", buildCodebookGraph]);
    const count = Math.min(SHORTLIST, checkpoint.quantizer.size);
    // Of the CPU's arithmetic alone it is known how far it can be wrong: a GPU may multiply in TF32.
    const onCpu = true;
    builders.push(
      ["float32_search", () => ({ ...buildFloat32SearchGraph(count), onCpu })],
      ["int8_search", () => ({ ...buildInt8SearchGraph(count), onCpu })],
      ["coordinates", () => ({ ...buildCoordinatesGraph(), onCpu })],
    );
  }
  if (checkpoint.quantizer && checkpoint.decoder) builders.push(["decoder", buildDecoderGraph]);
  const graphs: Partial<Record<GraphName, GraphSource>> = {};
  for (const [done, [name, build]] of builders.entries()) {
    report(done, builders.length);
    graphs[name] = build(checkpoint, settings);
  }
  report(builders.length, builders.length);
  return graphs;
}

/** The tokenizer's `info`, frozen. */
export function describeCheckpoint(
  checkpoint: Checkpoint,
  { device, reason }: ChosenDevice,
  precision: Precision,
): VisionTokenizerInfo {
  const { modelId, image, encoder, quantizer, decoder, projector } = checkpoint;
  const square = (side: number) => Object.freeze({ width: side, height: side });
  const grid: TokenGrid | null =
    encoder.grid === null ? null : Object.freeze({ rows: encoder.grid, columns: encoder.grid });
  return Object.freeze({
    modelId,
    licence: checkpoint.licence,
    decodes: quantizer && decoder ? "ids" : null,
    inputSize: image.geometry === "native" ? null : square(image.size),
    outputSize: quantizer && decoder ? square(decoder.grid * decoder.patchSize) : null,
    grid,
    maxTokens: encoder.maxPatches,
    featureDim: encoder.hiddenSize,
    codebook: quantizer && Object.freeze({ size: quantizer.size, dim: quantizer.dim, codesPerToken: 1 }),
    projector: projector && Object.freeze({ ...projector.info, tokensPerView: tokensPerView(checkpoint, projector) }),
    device,
    deviceReason: reason,
    precision,
  });
}

const tokensPerView = ({ encoder }: Checkpoint, { info }: ProjectorSpec): number | null =>
  encoder.grid === null ? null : encoder.grid ** 2 / info.patchesPerToken;
