import type { TokenGrid } from "../../contract/image.ts";
import type { VisionTokenizerInfo } from "../../contract/vision-tokenizer.ts";
import type { CodebookFacts, DrawingFacts, Model } from "../../families/model.ts";
import type { ChosenDevice } from "../devices/choose-device.ts";
import type { Precision } from "../pool/protocol.ts";

const gridOf = (side: number): TokenGrid => Object.freeze({ rows: side, columns: side });

const codebookInfo = ({ size, dim, codesPerToken = 1, scales }: CodebookFacts) =>
  Object.freeze({ size, dim, codesPerToken, ...(scales && { scales: Object.freeze(scales.map(gridOf)) }) });

const samplingInfo = ({ steps, guidanceScale, temperature, topK, topP }: DrawingFacts) =>
  Object.freeze({ steps, guidanceScale, temperature, topK, topP });

/** The tokenizer's `info`, frozen. */
export function modelInfo(model: Model, { device, reason }: ChosenDevice, precision: Precision): VisionTokenizerInfo {
  const { modelId, licence, image, encoder, codebook, decoder, projector } = model;
  const square = (side: number) => Object.freeze({ width: side, height: side });
  const { grid: side, maxTokens, featureDim, poolScale } = encoder;
  const grid: TokenGrid | null = side === null ? null : gridOf(side);
  return Object.freeze({
    modelId,
    licence,
    inputSize: image.geometry === "native" ? null : square(image.size),
    outputSize: decoder && square(decoder.outputSize),
    grid,
    ...(poolScale !== undefined && { poolScale }),
    maxTokens,
    featureDim,
    codebook: codebook && codebookInfo(codebook),
    decodes: decoder?.takes ?? null,
    ...(decoder?.drawing && { sampling: samplingInfo(decoder.drawing) }),
    projector:
      projector &&
      Object.freeze({
        ...projector.info,
        tokensPerView: side === null ? null : side ** 2 / projector.info.patchesPerToken,
      }),
    device,
    deviceReason: reason,
    precision,
  });
}
