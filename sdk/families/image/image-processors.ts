import type { NativePlan, Resample, Tiling } from "../../image/view-plan.ts";
import type { ProcessorFields } from "./processor-fields.ts";

/** The defaults of one of transformers' image processors; a checkpoint's file overrides them field by field. */
export type ImageProcessor = SquareProcessor | NativeProcessor;

interface PixelDefaults {
  readonly resample: Resample;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Brings every image, or every tile of it, to one square. */
export interface SquareProcessor extends PixelDefaults {
  readonly kind: "square";
  /** Side of the square that an image is resized to; null for the encoder's own. */
  readonly size: number | null;
  /** Whether a plain number as size means a square (else the shortest edge). */
  readonly numberIsSquare: boolean;
  /** Side of the square that is then cut from the centre; null for none. */
  readonly crop: number | null;
  /** What `do_pad` asks for: a square around the image, or a batch of equal counts, which changes no image; null refuses it. */
  readonly padding: "square" | "batch" | null;
  /** The tiles that its fields ask for; null for a processor without tiles. */
  readonly tiling: ((fields: ProcessorFields) => Tiling | null) | null;
  /** A tile's side, where `size` says something else; null for most. */
  readonly tileSize: ((fields: ProcessorFields) => number) | null;
}

/** Keeps an image's aspect ratio. */
export interface NativeProcessor extends PixelDefaults {
  readonly kind: "native";
  readonly patchSize: number;
  readonly maxPatches: number;
  /** Sizes by another rule than NaFlex's; null for that. */
  readonly sizes: ((fields: ProcessorFields) => Pick<NativePlan, "pixels" | "tiles">) | null;
}

const half = [0.5, 0.5, 0.5] as const;
const square = { kind: "square", padding: null, tiling: null, tileSize: null } as const;
const plain = { ...square, size: null, numberIsSquare: true, crop: null, mean: half, std: half } as const;

const openai = {
  ...square,
  numberIsSquare: false,
  resample: "bicubic",
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
} as const;

type Pinpoints = readonly (readonly [height: number, width: number])[];
const anyres =
  (defaults: Pinpoints) =>
  ({ image_grid_pinpoints }: ProcessorFields): Tiling => ({
    kind: "anyres",
    pinpoints: image_grid_pinpoints ?? defaults,
  });

/** LLaVA 1.6: canvases of up to four tiles. */
const llavaNextPinpoints: Pinpoints = [
  [336, 672],
  [672, 336],
  [672, 672],
  [1008, 336],
  [336, 1008],
];
/** LLaVA OneVision: every canvas of up to six by six tiles. */
const onevisionPinpoints: Pinpoints = [1, 2, 3, 4, 5, 6].flatMap((rows) =>
  [1, 2, 3, 4, 5, 6].map((columns) => [384 * rows, 384 * columns] as const),
);

const idefics3Tile = ({ max_image_size: size }: ProcessorFields): number => size?.longest_edge ?? 364;
const idefics3 = {
  ...plain,
  resample: "lanczos",
  padding: "batch",
  tileSize: idefics3Tile,
  tiling: ({ size, do_image_splitting: split = true }: ProcessorFields): Tiling => ({
    kind: "split",
    longestEdge: typeof size === "object" && "longest_edge" in size ? (size.longest_edge as number) : 4 * 364,
    split,
  }),
} as const;

/** LFM2-VL counts in its own tokens, each of `downsample_factor`² patches. */
function lfm2Sizes({
  encoder_patch_size: patch = 16,
  downsample_factor: side = 2,
  min_image_tokens: least = 64,
  max_image_tokens: most = 256,
  tile_size: size = 512,
  max_pixels_tolerance: tolerance = 2,
  do_image_splitting: split = true,
  min_tiles: min = 2,
  max_tiles: max = 10,
  use_thumbnail: thumbnail = true,
}: ProcessorFields): Pick<NativePlan, "pixels" | "tiles"> {
  const factor = patch * side;
  const maxPixels = most * factor ** 2;
  const tiles = split && max > 1 ? { size, above: maxPixels * tolerance, min, max, thumbnail } : null;
  return { pixels: { factor, minPixels: least * factor ** 2, maxPixels }, tiles };
}

/** By class name, without the suffixes "Fast" and "Pil" of its variants (transformers/models/<family>/image_processing_*). */
export const imageProcessors = {
  ViTImageProcessor: { ...plain, resample: "bilinear" },
  DeiTImageProcessor: { ...plain, size: 256, crop: 224, resample: "bicubic" },
  CLIPImageProcessor: { ...openai, size: 224, crop: 224 },
  BitImageProcessor: { ...openai, size: 224, crop: 224 },
  SiglipImageProcessor: { ...plain, numberIsSquare: false, resample: "bicubic" },
  Siglip2ImageProcessor: {
    kind: "native",
    patchSize: 16,
    maxPatches: 256,
    sizes: null,
    resample: "bilinear",
    mean: half,
    std: half,
  },
  LlavaImageProcessor: { ...openai, size: 224, crop: 224, padding: "square" },
  LlavaNextImageProcessor: {
    ...openai,
    size: 224,
    crop: 224,
    padding: "batch",
    tiling: anyres(llavaNextPinpoints),
  },
  LlavaOnevisionImageProcessor: {
    ...openai,
    size: 384,
    crop: null,
    padding: "batch",
    tiling: anyres(onevisionPinpoints),
  },
  GotOcr2ImageProcessor: {
    ...openai,
    numberIsSquare: true,
    size: 384,
    crop: null,
    tiling: ({ crop_to_patches: tiles = false, min_patches: min = 1, max_patches: max = 12 }) =>
      tiles && max > 1 ? { kind: "dynamic", min, max, thumbnail: true } : null,
  },
  Gemma3ImageProcessor: { ...plain, size: 224, resample: "bilinear" },
  Idefics3ImageProcessor: idefics3,
  SmolVLMImageProcessor: idefics3,
  Lfm2VlImageProcessor: {
    kind: "native",
    patchSize: 16,
    maxPatches: 1024,
    sizes: lfm2Sizes,
    resample: "bilinear",
    mean: half,
    std: half,
  },
} as const satisfies Record<string, ImageProcessor>;
