import type { Checkpoint, FeatureSpec, ImageSpec, TransformerSpec } from "../sdk/checkpoint/checkpoint.ts";

/** A checkpoint's settings without its tensors. */
export interface CheckpointSummary {
  readonly modelId: string;
  readonly image: ImageSpec;
  readonly encoder: TransformerSummary & {
    readonly imageSize: number;
    readonly patchSize: number;
    /** Tokens in a row and in a column. */
    readonly grid: number;
    readonly classToken: boolean;
  };
  readonly features: FeatureSpec;
  readonly codebook: {
    readonly size: number;
    readonly dim: number;
    readonly layers: readonly number[];
    readonly normalize: boolean;
  } | null;
  readonly decoder: (TransformerSummary & { readonly patchSize: number; readonly outputSize: number }) | null;
}

interface TransformerSummary extends TransformerSpec {
  readonly blocks: number;
}

export function summarizeCheckpoint({
  modelId,
  image,
  encoder,
  features,
  quantizer,
  decoder,
}: Checkpoint): CheckpointSummary {
  return {
    modelId,
    image,
    encoder: {
      ...transformer(encoder),
      imageSize: encoder.imageSize,
      patchSize: encoder.patchSize,
      grid: encoder.grid,
      classToken: encoder.classToken !== null,
    },
    features,
    codebook: quantizer && {
      size: quantizer.size,
      dim: quantizer.dim,
      layers: quantizer.layers,
      normalize: quantizer.normalize,
    },
    decoder: decoder && {
      ...transformer(decoder),
      patchSize: decoder.patchSize,
      outputSize: decoder.grid * decoder.patchSize,
    },
  };
}

export function checkpointLines({ image, encoder, features, codebook, decoder }: CheckpointSummary): string[] {
  const tokens = `${encoder.grid} x ${encoder.grid} tokens${encoder.classToken ? " and a class token" : ""}`;
  const source = codebook && `block${codebook.layers.length > 1 ? "s" : ""} ${codebook.layers.join(" + ")}`;
  return [
    `  image     ${image.size} x ${image.size} pixels, ${image.geometry}, ${image.resample}`,
    `  encoder   ${describe(encoder)}, patches of ${encoder.patchSize}: ${tokens}`,
    `  features  ${encoder.hiddenSize} per token, of block ${features.layer}${features.postNorm ? ", normed" : ""}`,
    codebook
      ? `  codebook  ${codebook.size} x ${codebook.dim}, of ${source}${codebook.normalize ? ", each normed" : ""}`
      : "  codebook  none: gives features only",
    decoder
      ? `  decoder   ${describe(decoder)}, patches of ${decoder.patchSize}: ${decoder.outputSize} x ${decoder.outputSize} pixels`
      : "  decoder   none",
  ];
}

const describe = ({ blocks, hiddenSize, heads, intermediateSize, activation }: TransformerSummary): string =>
  `${blocks} blocks of width ${hiddenSize}, ${heads} heads, MLP ${intermediateSize} (${activation})`;

function transformer(spec: TransformerSpec & { readonly blocks: readonly unknown[] }): TransformerSummary {
  const { hiddenSize, intermediateSize, heads, layerNormEps, activation } = spec;
  return { blocks: spec.blocks.length, hiddenSize, intermediateSize, heads, layerNormEps, activation };
}
