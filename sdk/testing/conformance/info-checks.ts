import type { CodebookInfo, ModelInfo } from "../../contract/encoder.ts";
import type { ImageSize, TokenGrid } from "../../contract/image.ts";
import { describe } from "../../errors.ts";
import { check, equal, positive } from "./assertions.ts";
import { type Check, NotApplicable, type Subject } from "./subject.ts";

export const infoChecks: readonly Check[] = [
  [
    "info: the object has a role",
    ({ model }) => {
      const roles = ["encode", "decode", "embed", "views"].filter(
        (name) => typeof Reflect.get(model, name) === "function",
      );
      check(roles.length > 0, "expected a function encode, decode, embed or views but received none");
      check(
        typeof model[Symbol.asyncDispose] === "function",
        "expected a function [Symbol.asyncDispose] but received none",
      );
      if ("specificationVersion" in model) equal(model.specificationVersion, "v1", "specificationVersion");
    },
  ],
  [
    "info: names the model and what it runs on",
    (subject) => {
      const info = infoOf(subject);
      for (const name of ["modelId", "device", "deviceReason", "precision"] as const) text(info[name], `info.${name}`);
      if (info.licence !== null) text(info.licence, "info.licence, where it is not null");
    },
  ],
  [
    "info: the encoder's sizes agree",
    ({ encoder: { info } }) => {
      positive(info.maxTokens, "info.maxTokens");
      grid(info.grid, "info.grid");
      if (info.grid)
        equal(info.maxTokens, info.grid.rows * info.grid.columns, "info.maxTokens, the tokens of info.grid");
      size(info.inputSize, "info.inputSize");
      if (info.featureDim !== null) positive(info.featureDim, "info.featureDim, where it is not null");
      codebook(info.codebook);
      check(
        info.featureDim !== null || info.codebook !== null,
        "info: expected featureDim or codebook but both are null",
      );
    },
  ],
  [
    "info: the decoder's input and output agree",
    ({ model }) => {
      if (!("decode" in model)) throw new NotApplicable("the model has no decode");
      const { decodes, outputSize } = model.info;
      check(
        decodes === null || decodes === "ids" || decodes === "features",
        `info.decodes: expected "ids", "features" or null but received ${describe(decodes)}`,
      );
      codebook(model.info.codebook);
      grid(model.info.grid, "info.grid");
      size(outputSize, "info.outputSize");
      if (decodes === null) equal(outputSize, null, "info.outputSize of a model without a decoder");
      if (decodes === "ids") check(model.info.codebook, 'info: decodes is "ids" but codebook is null');
      if (decodes === "features" && "featureDim" in model.info) {
        check(model.info.featureDim !== null, 'info: decodes is "features" but featureDim is null');
      }
    },
  ],
  [
    "info: the projector's widths are there",
    ({ embedder }) => {
      const { projector } = embedder.info;
      if (!projector) throw new NotApplicable("the model has no projector");
      for (const name of ["type", "modelId"] as const) text(projector[name], `info.projector.${name}`);
      for (const name of ["inputDim", "outputDim", "patchesPerToken"] as const) {
        positive(projector[name], `info.projector.${name}`);
      }
      const { outputDim, deepstackLevels: levels } = projector;
      check(
        Number.isInteger(outputDim / (1 + levels)),
        "info.projector: outputDim is no multiple of 1 + deepstackLevels",
      );
      const { tokensPerView } = projector;
      if (tokensPerView !== null) positive(tokensPerView, "info.projector.tokensPerView, where it is not null");
    },
  ],
  [
    "info: stays as it is when the model works",
    async (subject) => {
      const before = structuredClone(infoOf(subject));
      if ("encode" in subject.model) await subject.encodeMany(subject.pictures());
      equal(infoOf(subject), before, "info after a call");
    },
  ],
];

function infoOf({ model }: Subject): ModelInfo {
  return "info" in model ? model.info : noInfo();
}

function noInfo(): never {
  throw new NotApplicable("a model with views alone has no info");
}

function text(value: unknown, what: string): void {
  check(typeof value === "string" && value !== "", `${what}: expected a text but received ${describe(value)}`);
}

function grid(value: TokenGrid | null, what: string): void {
  if (value === null) return;
  positive(value.rows, `${what}.rows`);
  positive(value.columns, `${what}.columns`);
}

function size(value: ImageSize | null, what: string): void {
  if (value === null) return;
  positive(value.width, `${what}.width`);
  positive(value.height, `${what}.height`);
}

function codebook(value: CodebookInfo | null): void {
  if (value === null) return;
  for (const name of ["size", "dim", "codesPerToken"] as const) positive(value[name], `info.codebook.${name}`);
  value.scales?.forEach((one, i) => {
    grid(one, `info.codebook.scales[${i}]`);
  });
}
