import { defineModel } from "../define-model.ts";
import type { CodebookFacts, Model, ModelBase } from "../model.ts";
import { buildVqganCodebook, buildVqganDecoder, buildVqganEncoder, buildVqganQuantizer } from "./forward.ts";
import type { VqganSizes } from "./sizes.ts";
import type { CodesRef, VqganEncoder, VqganSpec } from "./spec.ts";

/** @param grid tokens of a side */
export function vqganModel(base: ModelBase, sizes: VqganSizes, spec: VqganSpec, grid: number): Model {
  const { encoder, ...others } = spec;
  const { codes, dim } = sizes;
  const patchSize = vqganPatchSize(sizes.encoder.length);
  return defineModel(base, {
    encoder: { patchSize, grid, maxTokens: grid * grid, featureDim: sizes.latent },
    codebook: { size: codes, dim, ...searchOf(spec.codes) },
    decoder: { takes: "ids", outputSize: grid * patchSize },
    weights: { encoder, others: [others] },
    graphs: {
      encode: { takes: "pixels", build: (weights: VqganEncoder, settings) => buildVqganEncoder(weights, settings) },
      quantize: () => buildVqganQuantizer(spec),
      codebook: () => buildVqganCodebook(spec),
      decode: (settings) => buildVqganDecoder(spec, grid, settings),
    },
  });
}

function searchOf(codes: CodesRef): Omit<CodebookFacts, "size" | "dim"> {
  if (codes.by === "signs") return { metric: "signs", firstBit: codes.firstBit };
  if (codes.by === "residual") return { metric: "residual", scales: codes.scales.map(({ side }) => side) };
  return { metric: codes.by === "product" ? "product" : "distance" };
}

/** Each level but the last halves the sides. */
export const vqganPatchSize = (levels: number): number => 2 ** (levels - 1);
