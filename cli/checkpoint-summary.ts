import type { Checkpoint, FeatureSpec, ImageSpec, TransformerSpec } from "../sdk/kit.ts";

/** A checkpoint's settings without its tensors. */
export interface CheckpointSummary {
  readonly modelId: string;
  readonly image: ImageSpec;
  readonly encoder: TransformerSummary & {
    /** null where images keep their aspect ratio. */
    readonly imageSize: number | null;
    readonly patchSize: number;
    /** Tokens in a row and in a column; null where each image has a grid of its own. */
    readonly grid: number | null;
    readonly maxTokens: number;
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
      maxTokens: encoder.maxPatches,
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
  const grid = encoder.grid === null ? `up to ${encoder.maxTokens}` : `${encoder.grid} x ${encoder.grid}`;
  const tokens = `${grid} tokens${encoder.classToken ? " and a class token" : ""}`;
  const source = codebook && `block${codebook.layers.length > 1 ? "s" : ""} ${codebook.layers.join(" + ")}`;
  return [
    `  image     ${pixelsOf(image)}, ${image.resample}`,
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

function pixelsOf(image: ImageSpec): string {
  if (image.geometry === "native") return "its own aspect ratio";
  const { size, geometry, background, tiling } = image;
  const square = `${size} x ${size} pixels, ${background ? "padded to a square" : geometry}`;
  if (tiling === null) return square;
  const tiles = { dynamic: "InternVL's tiles", anyres: "LLaVA's anyres tiles", split: "Idefics3's tiles" }[tiling.kind];
  return `${square}; views: ${tiles}`;
}

const describe = ({ blocks, hiddenSize, heads, intermediateSize, activation }: TransformerSummary): string =>
  `${blocks} blocks of width ${hiddenSize}, ${heads} heads, MLP ${intermediateSize} (${activation})`;

function transformer(spec: TransformerSpec & { readonly blocks: readonly unknown[] }): TransformerSummary {
  const { hiddenSize, intermediateSize, heads, layerNormEps, activation } = spec;
  return { blocks: spec.blocks.length, hiddenSize, intermediateSize, heads, layerNormEps, activation };
}
