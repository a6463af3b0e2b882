export type Resample = "bilinear" | "bicubic" | "lanczos" | "box";
/**
 * "stretch" resizes to a square whatever the aspect ratio. "crop" resizes the shortest edge and keeps the ratio. "fit" resizes
 * the longest edge, keeps the ratio and fills the rest of the square with `background` (Janus).
 */
export type Geometry = "stretch" | "crop" | "fit";

/**
 * How tokenizers' own code cuts a centre square out: by the conventions of papers (`CentreCrop`; "pil" with the plan's own filter and
 * edge), or LANCZOS to the rounded size, and
 * an odd border's half rounded down (Chameleon) or to even (taming-transformers' notebook).
 */
export type CentreRule = "adm" | "pil" | "lanczos-floor" | "lanczos-even";

/** How an image becomes the encoder's pixels. */
export type ViewPlan = SquarePlan | NativePlan;

interface PixelSpec {
  readonly resample: Resample;
  /** Of pixel values in [0, 1]. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Every image becomes a square of one size. */
export interface SquarePlan extends PixelSpec {
  readonly geometry: Geometry;
  /** Side of the square input in pixels: the centre of the resized image. */
  readonly size: number;
  /** Side of the square, or length of the shortest edge, that images are resized to first; at least `size`. */
  readonly resizeTo: number;
  /** Bytes: the colour of the square that an image is centred on before anything else (LLaVA 1.5); null for none. */
  readonly background: readonly [red: number, green: number, blue: number] | null;
  /** The least pixels of a side of "fit" (default 1). */
  readonly minSide?: number;
  /** Of "fit": both scaled sides are cut to whole numbers (DeepSeek's own code), where they would be rounded. */
  readonly cut?: true;
  /** Of "crop": how the centre square is cut out; left out for transformers' own crop, which halves an odd border down. */
  readonly centre?: CentreRule;
  /** null for most. Where there is one, `size` is a tile's side and the whole image is stretched to it. */
  readonly tiling: Tiling | null;
}

/** Every image keeps its aspect ratio, as nearly as whole patches allow (SigLIP2 NaFlex, LFM2-VL). */
export interface NativePlan extends PixelSpec {
  readonly geometry: "native";
  readonly patchSize: number;
  /** The most patches that an image is resized to. */
  readonly maxPatches: number;
  /** null for NaFlex's own rule: as many patches as `maxPatches` allows. */
  readonly pixels: PixelRange | LongestEdge | null;
  /** null for none. */
  readonly tiles: LargeImageTiles | null;
  /** How the frames of a video are prepared; left out for a model that takes none. */
  readonly video?: VideoPlan;
}

/** Videos of Qwen-VL, whose patches hold two frames each. */
export interface VideoPlan extends PixelSpec {
  /** Both sides of a frame become multiples of `factor`. */
  readonly pixels: PixelRange;
  /** Whether the range is that of a frame, or of all frames together. */
  readonly pixelsOf: "frame" | "video";
  readonly time: VideoTime;
}

/** How a model's videos are prepared; undefined for one that takes none. */
export const videoPlanOf = (plan: ViewPlan): VideoPlan | undefined =>
  plan.geometry === "native" ? plan.video : undefined;

/** How a language model is told when a pair of frames is. */
export type VideoTime =
  /** By positions one apart (Qwen2-VL). */
  | { readonly kind: "steps" }
  /** By positions, so many a second (Qwen2.5-VL). */
  | { readonly kind: "seconds"; readonly perSecond: number }
  /** By text before each (Qwen3-VL). */
  | { readonly kind: "text" };

/** How a vision language model cuts an image into tiles, each of which its encoder sees as an image of its own. */
export type Tiling =
  /** InternVL: `min` to `max` tiles, and where `thumbnail` and more than one tile the whole image after them. */
  | { readonly kind: "dynamic"; readonly min: number; readonly max: number; readonly thumbnail: boolean }
  /** LLaVA 1.6: the whole image, then the tiles of the best of these canvases. */
  | { readonly kind: "anyres"; readonly pinpoints: readonly (readonly [height: number, width: number])[] }
  /** Idefics3: the tiles of the image at this longer side, then the whole image; or, without `split`, that alone. */
  | { readonly kind: "split"; readonly longestEdge: number; readonly split: boolean }
  /** Gemma 3: the whole image, and of one with sides of at least this ratio up to `max` crops of it, none below `minCrop`. */
  | { readonly kind: "pan_and_scan"; readonly minCrop: number; readonly max: number; readonly minRatio: number };

/** How images of their own aspect ratio are brought to whole patches, and to how many (Qwen-VL, GLM-4V, LFM2-VL: `smart_resize`). */
export interface PixelRange {
  /** Both sides become multiples of it. */
  readonly factor: number;
  readonly minPixels: number;
  readonly maxPixels: number;
  /** Whether an image with a side below `factor` is enlarged to it before anything else (GLM-4V); default false. */
  readonly enlarges?: boolean;
  /** What a side is at least before the range is looked at: `factor` by default (LFM2-VL), 0 for Qwen-VL. */
  readonly leastSide?: number;
}

/** Images longer than an edge are shrunk to it; then both sides are stretched to whole cells (Pixtral). */
export interface LongestEdge {
  /** Both sides become multiples of it. */
  readonly factor: number;
  readonly longestEdge: number;
}

/** Tiles of images of many pixels, with or without the whole image after them (LFM2-VL). */
export interface LargeImageTiles {
  /** Side of a tile. */
  readonly size: number;
  /** Images of more pixels are cut. */
  readonly above: number;
  readonly min: number;
  readonly max: number;
  readonly thumbnail: boolean;
}
