import type { SquarePlan } from "../../image/view-plan.ts";
import { llamaGenNames, showONames, tamingNames, type VqganNames, varNames } from "./names.ts";
import { RESIDUAL_MARK } from "./residual-codes.ts";
import type { VqganSizes } from "./sizes.ts";
import type { CodesRef, VqganSpec } from "./spec.ts";

/** What a tokenizer with the graph of VQGAN has of its own. */
export interface VqganVariant {
  /** What messages call it. */
  readonly title: string;
  readonly names: VqganNames;
  readonly codes: CodesRef["by"];
  readonly zeroByte: VqganSpec["zeroByte"];
  /** Side of the pixels that it was trained on. */
  readonly imageSize: number;
  /** Images are resized to so much more than what is cut out of them (default 1). */
  readonly resizeRatio?: number;
  readonly image: Pick<SquarePlan, "geometry" | "resample"> &
    Partial<Pick<SquarePlan, "centre" | "minSide" | "background" | "cut">>;
  /** The licence of the published weights. */
  readonly licence: string;
  /** What a user must know of it before any use; left out for a free one. */
  readonly restricted?: string;
  /** What stands before its names in the file. */
  readonly prefix: string;
  /** A tensor that only files of these names have, below the prefix. */
  readonly mark: string;
  /** Tells variants of one set of names apart. */
  is(sizes: VqganSizes): boolean;
}

export const deepseekNotice =
  "Its weights come under the DeepSeek model licence, which forbids some uses (its Attachment A).";

const crop = { geometry: "crop", resample: "bicubic" } as const;
const table = "quantize.embedding.weight";

/**
 * The tokenizers that share VQGAN's graph, the first that fits is taken. Names, quantizers and sizes are those of the
 * repositories' own code; `mark` and `is` tell them apart by what a file holds.
 */
export const vqganVariants = {
  /** deepseek-ai/Janus, janus/models/vq_model.py and image_processing_vlm.py. */
  janus: {
    title: "the image tokenizer of Janus and Janus-Pro",
    names: llamaGenNames,
    codes: "cosine",
    zeroByte: 127.5,
    imageSize: 384,
    image: { geometry: "fit", resample: "bicubic", minSide: 14, cut: true, background: [127, 127, 127] },
    licence: "deepseek",
    restricted: deepseekNotice,
    prefix: "gen_vision_model.",
    mark: "encoder.conv_blocks.0.res.0.conv1.weight",
    is: () => true,
  },
  /** FoundationVision/LlamaGen, tokenizer/tokenizer_image/vq_model.py and reconstruction_vq_ddp.py. */
  llamagen: {
    title: "LlamaGen's VQ-16 or VQ-8",
    names: llamaGenNames,
    codes: "cosine",
    zeroByte: 128,
    imageSize: 256,
    image: { ...crop, centre: "adm" },
    licence: "mit",
    prefix: "",
    mark: "encoder.conv_blocks.0.res.0.conv1.weight",
    is: () => true,
  },
  /** showlab/Show-o, models/modeling_magvitv2.py and training/utils.py. */
  "show-o": {
    title: "Show-o's MAGVIT-v2",
    names: showONames,
    codes: "signs",
    zeroByte: 127.5,
    imageSize: 256,
    image: { ...crop, centre: "pil" },
    licence: "apache-2.0",
    prefix: "",
    mark: "encoder.quant_conv.weight",
    is: () => true,
  },
  /** FoundationVision/VAR, models/vqvae.py, models/quant.py and utils/data.py: several grids of ids an image. */
  var: {
    title: "VAR's multi-scale tokenizer",
    names: varNames,
    codes: "residual",
    zeroByte: 127.5,
    imageSize: 256,
    resizeRatio: 1.125,
    image: { geometry: "crop", resample: "lanczos", centre: "pil" },
    licence: "mit",
    prefix: "",
    mark: RESIDUAL_MARK,
    is: () => true,
  },
  /** TencentARC/SEED-Voken, src/IBQ; baaivision/Emu3.5, src/vision_tokenizer. Both have 4 blocks a level. */
  ibq: {
    title: "IBQ of SEED-Voken",
    names: tamingNames,
    codes: "product",
    zeroByte: 127.5,
    imageSize: 256,
    image: { ...crop, centre: "pil" },
    licence: "apache-2.0",
    prefix: "",
    mark: table,
    is: ({ encoder, codes }) => encoder.every(({ blocks }) => blocks === 4) && codes !== 131072,
  },
  "emu3.5": {
    title: "Emu3.5-VisionTokenizer",
    names: tamingNames,
    codes: "product",
    zeroByte: 127.5,
    imageSize: 512,
    image: { ...crop, centre: "pil" },
    licence: "apache-2.0",
    prefix: "",
    mark: table,
    is: ({ encoder, codes }) => encoder.every(({ blocks }) => blocks === 4) && codes === 131072,
  },
  /** facebookresearch/chameleon, chameleon/inference/vqgan.py and image_tokenizer.py: no attention but in the middle. */
  chameleon: {
    title: "Chameleon's VQGAN",
    names: tamingNames,
    codes: "distance",
    zeroByte: 127.5,
    imageSize: 512,
    image: { ...crop, centre: "lanczos-floor" },
    licence: "chameleon-research-license",
    restricted: "Its weights are gated, and for research alone: no commercial use.",
    prefix: "",
    mark: table,
    is: ({ encoder }) => !encoder.some(({ attention }) => attention),
  },
  /** CompVis/taming-transformers, taming/models/vqgan.py; pixels as scripts/reconstruction_usage.ipynb prepares them. */
  taming: {
    title: "VQGAN of taming-transformers",
    names: tamingNames,
    codes: "distance",
    zeroByte: 127.5,
    imageSize: 256,
    image: { ...crop, centre: "lanczos-even" },
    licence: "mit",
    prefix: "",
    mark: table,
    is: () => true,
  },
} as const satisfies Record<string, VqganVariant>;

export type VqganVariantName = keyof typeof vqganVariants;

export const vqganVariantNames = Object.keys(vqganVariants).filter((name): name is VqganVariantName =>
  Object.hasOwn(vqganVariants, name),
);
export const vqganVariant = (name: VqganVariantName): VqganVariant => vqganVariants[name];
