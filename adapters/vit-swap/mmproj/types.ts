import { ggmlActivation, type MmprojStep } from "../../../sdk/kit.ts";
import type { TowerSpec } from "../vision-tower.ts";

/** What one of llama.cpp's vision graphs computes (llama.cpp tools/mtmd/models/). */
export interface MmprojGraph {
  /** "required", "none", or "broken" where it is right only if the class token comes first. */
  readonly classToken: "required" | "none" | "broken";
  readonly layerScale: boolean;
  /**
   * The one size of tower, by width and blocks, whose norms it takes for RMSNorms and whose norms on queries and keys it
   * computes; null for none.
   */
  readonly rmsTower: { readonly width: number; readonly blocks: number } | null;
  /** Whether it reads several blocks and stops where `clip.vision.feature_layer` says. Others run all and read the last. */
  readonly featureLayers: boolean;
}

const llava: MmprojGraph = { classToken: "broken", layerScale: false, rmsTower: null, featureLayers: true };
const siglip: MmprojGraph = { classToken: "none", layerScale: true, rmsTower: null, featureLayers: false };
const internvl: MmprojGraph = {
  classToken: "required",
  layerScale: true,
  rmsTower: { width: 3200, blocks: 45 }, // InternViT-6B
  featureLayers: false,
};

/** A step of a graph's projector. `optional`: the graph skips it if the file has no tensors for it. */
export type GraphStep = MmprojStep & { readonly optional?: boolean };

export interface MmprojType {
  readonly graph: MmprojGraph;
  /** Its projector, one step after the other. Some take constants from the tower. */
  readonly steps: (tower: TowerSpec) => readonly GraphStep[];
  /** Whether its loader takes `ffn_down` for the first linear if its rows are as long as the tower is wide. */
  readonly swapsMlp: boolean;
  /** Whether each image may have a grid of its own. */
  readonly anyGrid: boolean;
  /** The side of the cells of patches that become one token, if a file does not say it. */
  readonly factor: number;
  /** Which keys say how the runtime cuts and resizes images. "own": none, since it has rules of its own. */
  readonly images: "tiles" | "longest edge" | "budget" | "own";
  /** What the runtime puts around an image (mtmd.cpp `init_vision`); null where it is more than two words. */
  readonly words: ImageWords | null;
}

/** Text before and after an image. */
export type ImageWords = readonly [prefix: string, suffix: string];

const none: ImageWords = ["", ""];

const shuffle: GraphStep = { op: "pixel_shuffle" };
const gelu: GraphStep = { op: "activation", kind: "gelu" };
const linear = (name: string, bias = true): GraphStep => ({ op: "linear", name, bias, transposed: false });
const layerNorm = (name: string): GraphStep => ({ op: "layer_norm", name, epsilon: 1e-5 });

const types = {
  mlp: {
    graph: llava,
    steps: () => [linear("mm.0"), gelu, linear("mm.2")],
    swapsMlp: true,
    anyGrid: false,
    factor: 1,
    images: "own",
    words: none,
  },
  internvl: {
    graph: internvl,
    steps: () => [shuffle, layerNorm("mm.model.mlp.0"), linear("mm.model.mlp.1"), gelu, linear("mm.model.mlp.3")],
    swapsMlp: false,
    anyGrid: false,
    factor: 1,
    images: "tiles",
    words: ["<img>", "</img>"],
  },
  gemma3: {
    graph: siglip,
    steps: ({ layerNormEps: epsilon }) => [
      { op: "average_pool" },
      { op: "rms_norm", name: "mm.soft_emb_norm", epsilon },
      { op: "linear", name: "mm.input_projection", bias: false, transposed: true },
    ],
    swapsMlp: true,
    anyGrid: false,
    factor: 4,
    images: "own",
    words: ["<start_of_image>", "<end_of_image>"],
  },
  idefics3: {
    graph: siglip,
    steps: () => [shuffle, linear("mm.model.fc", false)],
    swapsMlp: true,
    anyGrid: false,
    factor: 1,
    images: "longest edge",
    words: null,
  },
  lfm2: {
    graph: siglip,
    steps: () => [shuffle, { ...layerNorm("mm.input_norm"), optional: true }, linear("mm.1"), gelu, linear("mm.2")],
    swapsMlp: false,
    anyGrid: true,
    factor: 1,
    images: "own",
    words: ["<|image_start|>", "<|image_end|>"],
  },
  janus_pro: {
    graph: siglip,
    steps: ({ activation }) => [linear("mm.0"), { op: "activation", kind: ggmlActivation(activation) }, linear("mm.1")],
    swapsMlp: false,
    anyGrid: false,
    factor: 1,
    images: "own",
    words: none,
  },
  phi4: {
    graph: siglip,
    steps: () => [linear("mm.0"), gelu, linear("mm.2")],
    swapsMlp: false,
    anyGrid: true,
    factor: 1,
    images: "budget",
    words: none,
  },
} satisfies Record<string, MmprojType>;

export type MmprojTypeName = keyof typeof types;
/** The projector types that are written, by `clip.projector_type` (clip.cpp `load_tensors`, llama.cpp v0.5.0). */
export const mmprojTypes: Readonly<Record<MmprojTypeName, MmprojType>> = types;
export const isMmprojType = (value: unknown): value is MmprojTypeName =>
  typeof value === "string" && Object.hasOwn(types, value);
/** What `type` of `SwapOptions` takes. */
export const mmprojTypeNames: readonly MmprojTypeName[] = Object.keys(types).filter(isMmprojType);

/** The type that a projector is written as by default, by its `info.type`. */
export const typeOfProjector: Readonly<Record<string, MmprojTypeName>> = {
  llava: "mlp",
  vqrae_projector: "internvl",
  internvl: "internvl",
  gemma3: "gemma3",
  idefics3: "idefics3",
  lfm2_vl: "lfm2",
};
