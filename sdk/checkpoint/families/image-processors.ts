import type { Resample } from "../checkpoint.ts";

/** The defaults of one of transformers' image processors; a checkpoint's file overrides them field by field. */
export interface ImageProcessor {
  /** Side of the square that an image is resized to; null for the encoder's own. */
  readonly size: number | null;
  /** Whether a plain number as size means a square (else the shortest edge). */
  readonly numberIsSquare: boolean;
  /** Side of the square that is then cut from the centre; null for none. */
  readonly crop: number | null;
  readonly resample: Resample;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

const half = [0.5, 0.5, 0.5] as const;
const plain = { size: null, numberIsSquare: true, crop: null, mean: half, std: half } as const;

const openai = {
  numberIsSquare: false,
  resample: "bicubic",
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
} as const;

/** By class name, without the suffixes "Fast" and "Pil" of its variants (transformers/models/<family>/image_processing_*). */
export const imageProcessors = {
  ViTImageProcessor: { ...plain, resample: "bilinear" },
  DeiTImageProcessor: { ...plain, size: 256, crop: 224, resample: "bicubic" },
  CLIPImageProcessor: { ...openai, size: 224, crop: 224 },
  BitImageProcessor: { ...openai, size: 224, crop: 224 },
  GotOcr2ImageProcessor: { ...openai, numberIsSquare: true, size: 384, crop: null },
  SiglipImageProcessor: { ...plain, numberIsSquare: false, resample: "bicubic" },
} as const satisfies Record<string, ImageProcessor>;
