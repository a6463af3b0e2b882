import { z } from "zod";
import type { Tiling } from "../../image/view-plan.ts";
import { flag, looseSection, parseConfig, positiveInteger } from "../fields/config-fields.ts";
import { type ProcessorFields, pinpoints, tileCount } from "./processor-fields.ts";

/** What a vision language model's own code does to images besides what its image processor's file says. */
export interface VlmImage {
  /** Fields of that file where it has none. */
  readonly defaults: ProcessorFields;
  /** Fields in place of the file's. */
  readonly overrides: ProcessorFields;
  /** Whether images are first centred on a square of the mean colour. */
  readonly padsToSquare: boolean;
  readonly tiling: Tiling | null;
}

const nothing: VlmImage = { defaults: {}, overrides: {}, padsToSquare: false, tiling: null };

/** Fields that a processor class sets whatever its image processor's file says (`ProcessingKwargs._defaults`). */
export const processorClasses: ReadonlyMap<unknown, ProcessorFields> = new Map([
  ["InternVLProcessor", { crop_to_patches: true }],
  ["AyaVisionProcessor", { crop_to_patches: true }],
]);

const internVl = looseSection({
  force_image_size: positiveInteger.nullish(),
  dynamic_image_size: flag,
  min_dynamic_patch: tileCount.default(1),
  max_dynamic_patch: tileCount.default(6),
  use_thumbnail: flag.default(false),
}).refine((c) => c.min_dynamic_patch <= c.max_dynamic_patch, {
  path: ["min_dynamic_patch"],
  error: "at most max_dynamic_patch",
});

const ratios = { error: '"square", "pad" or "anyres"' };
const llava = looseSection({ image_aspect_ratio: z.string(ratios).regex(/^(square|pad|anyres(_max_\d+)?)$/, ratios) });
const llavaAnyres = looseSection({ image_grid_pinpoints: pinpoints });

/**
 * Reads a VLM's config.json for what it says about images: OpenGVLab's InternVL (`dynamic_image_size`, ...) and the
 * original LLaVA (`image_aspect_ratio`). Each is known by its field; others say nothing.
 *
 * `encoderSize`: the vision config's image_size.
 *
 * @throws INVALID_CONFIG naming the field of `file`
 */
export function readVlmImage(config: Record<string, unknown>, file: string, encoderSize: number): VlmImage {
  if ("dynamic_image_size" in config) {
    const c = parseConfig(internVl, config, file);
    const side = c.force_image_size ?? encoderSize;
    // Its code (internvl/train/dataset.py `build_transform`, `dynamic_preprocess`) does not read preprocessor_config.json.
    return {
      ...nothing,
      defaults: { image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] },
      overrides: { size: { height: side, width: side }, do_center_crop: false, resample: 3 },
      tiling: c.dynamic_image_size
        ? { kind: "dynamic", min: c.min_dynamic_patch, max: c.max_dynamic_patch, thumbnail: c.use_thumbnail }
        : null,
    };
  }
  if ("image_aspect_ratio" in config) {
    const { image_aspect_ratio: ratio } = parseConfig(llava, config, file);
    if (ratio === "pad") return { ...nothing, padsToSquare: true };
    if (ratio === "square") return nothing;
    const { image_grid_pinpoints: canvases } = parseConfig(llavaAnyres, config, file);
    // Its code (llava/mm_utils.py `select_best_resolution`) takes each as [width, height].
    return {
      ...nothing,
      tiling: { kind: "anyres", pinpoints: canvases.map(([width, height]) => [height, width] as const) },
    };
  }
  return nothing;
}
