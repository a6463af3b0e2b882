import * as z from "zod";
import type { SquarePlan } from "../../image/view-plan.ts";
import { clipImages } from "../clip/image.ts";
import { flag, looseSection } from "../fields/config-fields.ts";
import {
  defineImageProcessor,
  defineVlmImageCode,
  type ImageConsumer,
  type ImageProcessor,
} from "../image/image-processor.ts";
import { openai, pixelsOf, processorFields } from "../image/pixel-fields.ts";
import {
  backgroundOf,
  requireTrained,
  resizedSquare,
  type SquareDefaults,
  type SquareFields,
  squareFields,
  squarePlan,
  squareSide,
} from "../image/square-fields.ts";
import { pinpoints, withCanvases } from "../image/tile-fields.ts";

/** transformers/models/llava/image_processing_llava.py */
export const llavaImageProcessor = defineImageProcessor({
  classes: ["LlavaImageProcessor"],
  makes: "squares",
  fields: processorFields({ ...squareFields(clipImages), do_pad: flag.default(false) }),
  plan(fields, consumer) {
    const square = squarePlan(fields, clipImages, consumer);
    return fields.do_pad ? { ...square, background: backgroundOf(fields, consumer) } : square;
  },
});

/** The defaults of a class that cuts the tiles of the best canvas out of an image, after the whole of it. */
interface AnyresDefaults extends SquareDefaults {
  readonly canvases: readonly (readonly [height: number, width: number])[];
}

const tilesAreResized = (side: number, { refuse }: ImageConsumer): Error =>
  refuse(`${side} pixels, the size that tiles are resized to,`, ["crop_size"]);

/** The side of the whole image's square and of each tile, which are one here. */
function tileSquare(fields: SquareFields, defaults: AnyresDefaults, consumer: ImageConsumer): SquarePlan {
  const { side } = resizedSquare(fields, defaults, consumer);
  const cut = defaults.crop === null ? side : consumer.sizeOr(defaults.crop);
  if (squareSide(fields.crop_size ?? cut) !== side) throw tilesAreResized(side, consumer);
  requireTrained(side, "size", consumer);
  return { geometry: "stretch", size: side, resizeTo: side, background: null, tiling: null, ...pixelsOf(fields) };
}

const anyresProcessor = (classes: readonly string[], defaults: AnyresDefaults): ImageProcessor =>
  defineImageProcessor({
    classes,
    makes: "squares",
    fields: processorFields(
      { ...squareFields(defaults), image_grid_pinpoints: pinpoints.optional() },
      {
        "It pads a batch to one number of tiles, which changes no image.": ["do_pad"],
        "A note of the converter's: the class always tiles.": ["aspect_ratio_setting"],
      },
    ),
    plan: (fields, consumer) =>
      withCanvases(
        tileSquare(fields, defaults, consumer),
        fields.image_grid_pinpoints ?? defaults.canvases,
        consumer.refuse,
      ),
  });

/** LLaVA 1.6 (transformers/models/llava_next/image_processing_llava_next.py): canvases of up to four tiles. */
export const llavaNextImageProcessor = anyresProcessor(["LlavaNextImageProcessor"], {
  ...clipImages,
  canvases: [
    [336, 672],
    [672, 336],
    [672, 672],
    [1008, 336],
    [336, 1008],
  ],
});

/**
 * LLaVA OneVision (transformers/models/llava_onevision/image_processing_llava_onevision.py): every canvas of up to six by
 * six tiles.
 */
export const llavaOnevisionImageProcessor = anyresProcessor(["LlavaOnevisionImageProcessor"], {
  size: { side: 384 },
  crop: null,
  numberIsSquare: false,
  resample: "bicubic",
  ...openai,
  canvases: [1, 2, 3, 4, 5, 6].flatMap((rows) =>
    [1, 2, 3, 4, 5, 6].map((columns) => [384 * rows, 384 * columns] as const),
  ),
});

const ratios = { error: '"square", "pad" or "anyres"' };
const ratio = z.string(ratios).regex(/^(square|pad|anyres(_max_\d+)?)$/, ratios);

/** The original LLaVA (haotian-liu/LLaVA llava/mm_utils.py `process_images`), around the processor of its tower. */
export const llavaImageCode = defineVlmImageCode({
  marker: "image_aspect_ratio",
  config: looseSection({ image_aspect_ratio: ratio }).transform((config, context) => {
    const { image_aspect_ratio: asked, image_grid_pinpoints: given } = config;
    if (!asked.startsWith("anyres")) return { pads: asked === "pad", canvases: null };
    const { data, error } = pinpoints.safeParse(given);
    if (!error) return { pads: false, canvases: data };
    const [issue] = error.issues;
    context.addIssue({ code: "custom", path: ["image_grid_pinpoints"], message: issue?.message ?? "" });
    return z.NEVER;
  }),
  fields: () => ({ defaults: {}, overrides: {} }),
  plan({ pads, canvases }, { square, fields, consumer, refuseConfig }) {
    if (pads) return { ...square, background: backgroundOf(fields, consumer) };
    if (canvases === null) return square;
    if (square.size !== square.resizeTo) throw tilesAreResized(square.resizeTo, consumer);
    // `select_best_resolution` takes each as [width, height].
    return withCanvases(
      square,
      canvases.map(([width, height]) => [height, width]),
      refuseConfig,
    );
  },
});
