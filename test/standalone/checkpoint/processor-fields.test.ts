import { describe, expect, it } from "vitest";
import { clipImageProcessor } from "../../../sdk/families/clip/image.ts";
import { bitImageProcessor } from "../../../sdk/families/dinov2/image.ts";
import { idefics3ImageProcessor } from "../../../sdk/families/idefics3/image.ts";
import type { ImageProcessor } from "../../../sdk/families/image/image-processor.ts";
import { lfm2VlImageProcessor } from "../../../sdk/families/lfm2-vl/image.ts";
import { type Consumer, encoder, planIn, read } from "./image-consumer.ts";
import { failure, temporaryFolder } from "./temporary.ts";

/** Each class has its own fields: what it does not know, or knows otherwise, is refused by name. */

type Fields = Record<string, unknown>;
const square = { height: 224, width: 224 };
const native: Consumer = {
  ...encoder(lfm2VlImageProcessor),
  encoder: { imageSize: 224, patchSize: 16, grids: "native" },
};
const plan = (type: string, fields: Fields, consumer?: Consumer) =>
  read({ image_processor_type: type, ...fields }, "preprocessor_config.json", consumer);

const refused: [type: string, fields: Fields, message: RegExp, consumer?: Consumer][] = [
  [
    "ViTImageProcessor",
    { crop_pct: 0.9 },
    /no such field for crop_pct in .* received 0\.9\. Nothing here reads it: update/,
  ],
  ["ViTImageProcessor", { do_pan_and_scan: true }, /no such field for do_pan_and_scan in .* received true/],
  ["CLIPImageProcessor", { use_square_size: true }, /no such field for use_square_size/],
  ["CLIPImageProcessor", { image_grid_pinpoints: [[1, 1]] }, /no such field for image_grid_pinpoints/],
  [
    "CLIPImageProcessor",
    { size: { shortest_edge: 224, longest_edge: 300 } },
    /Expected \{ shortest_edge \} without a longest_edge for size in .* an object.*Only squares/,
  ],
  [
    "CLIPImageProcessor",
    { size: { max_height: 224, max_width: 224 } },
    /whole number > 0, \{ height, width \}.* for size/,
  ],
  ["CLIPImageProcessor", { size: { height: 224 } }, /whole number > 0, \{ height, width \}.* for size/],
  ["CLIPImageProcessor", { crop_size: { shortest_edge: 224 } }, /Expected a square for crop_size/],
  ["CLIPImageProcessor", { crop_size: [224, 200] }, /Expected a square for crop_size/],
  ["SiglipImageProcessor", { size: square, default_to_square: "yes" }, /true or false for default_to_square/],
  ["Gemma3ImageProcessor", { do_center_crop: true }, /Expected false for do_center_crop in .* received true/],
  ["Gemma3ImageProcessor", { do_pan_and_scan: true, pan_and_scan_max_num_crops: 0 }, /for pan_and_scan_max_num_crops/],
  ["GotOcr2ImageProcessor", { size: square, do_center_crop: true }, /Expected false for do_center_crop/],
  ["GotOcr2ImageProcessor", { size: { shortest_edge: 224 } }, /\{ height, width \} where nothing is cropped for size/],
  ["Idefics3ImageProcessor", { size: square }, /Expected \{ longest_edge \} for size in .* received an object/],
  [
    "Idefics3ImageProcessor",
    { max_image_size: { longest_edge: 224, shortest_edge: 1 } },
    /for max_image_size\.shortest_edge/,
  ],
  [
    "LlavaOnevisionImageProcessor",
    { size: square, crop_size: { height: 112, width: 112 }, image_grid_pinpoints: [[224, 448]] },
    /Expected 224 pixels, the size that tiles are resized to, for crop_size/,
  ],
  ["Siglip2ImageProcessor", { do_center_crop: true }, /Expected false for do_center_crop/, native],
  ["Lfm2VlImageProcessor", { min_image_tokens: 0 }, /whole number > 0 for min_image_tokens/, native],
];
describe("is refused by name", () => {
  it.each(refused)("%s: %j", async (type, fields, message, consumer) => {
    const failed = await failure(plan(type, fields, consumer));
    expect(failed).toEqual({ code: "INVALID_CONFIG", message: expect.stringMatching(message) });
  });
});

const same: [type: string, fields: Fields, like: Fields, consumer?: Consumer][] = [
  ["ViTImageProcessor", { crop_pct: null, do_flip: false, do_align: [], processor_class: "X", use_fast: true }, {}],
  ["ViTImageProcessor", { size: [224, 224] }, { size: 224 }],
  [
    "ViTImageProcessor",
    { image_mean: 0.5, image_std: 0.25 },
    { image_mean: [0.5, 0.5, 0.5], image_std: [0.25, 0.25, 0.25] },
  ],
  ["SiglipImageProcessor", { size: 224, default_to_square: true }, { size: square }],
  ["CLIPImageProcessor", { size: 224, default_to_square: true }, { size: square }],
  [
    "Idefics3ImageProcessor",
    { ...sized(), size: { shortest_edge: 9, longest_edge: 896 } },
    { ...sized(), size: { longest_edge: 896 } },
  ],
  ["Lfm2VlImageProcessor", { do_resize: false, patch_size: 14, max_num_patches: 7, size: square }, {}, native],
  [
    "Lfm2VlImageProcessor",
    { do_image_splitting: false, min_tiles: 9, max_tiles: 3 },
    { do_image_splitting: false },
    native,
  ],
];
function sized(): Fields {
  return { max_image_size: { longest_edge: 224 } };
}
describe("is as transformers has it", () => {
  it.each(same)("%s: %j is %j", async (type, fields, like, consumer) => {
    expect(await plan(type, fields, consumer)).toEqual(await plan(type, like, consumer));
  });

  it("a class's own size, not the encoder's, where a file leaves it out", async () => {
    const dinov2: Consumer = { ...encoder(), encoder: { imageSize: 518, patchSize: 14, grids: "square" } };
    expect(await plan("ViTImageProcessor", {}, dinov2)).toMatchObject({ size: 224 });
    expect(await plan("DeiTImageProcessor", {}, dinov2)).toMatchObject({ size: 224, resizeTo: 256 });
  });
});

describe("without a file", () => {
  const cases: [name: string, processor: ImageProcessor, plan: Fields][] = [
    ["CLIP", clipImageProcessor, { geometry: "crop", size: 336, resizeTo: 336, resample: "bicubic" }],
    ["DINOv2", bitImageProcessor, { geometry: "crop", size: 336, resizeTo: 336 }],
    ["Idefics3", idefics3ImageProcessor, { size: 336, tiling: { kind: "split", longestEdge: 1344, split: true } }],
  ];
  it.each(cases)("%s: the family's processor at the encoder's own size", async (_, processor, expected) => {
    const consumer = encoder(processor, {}, 336);
    expect(await planIn(await temporaryFolder(), consumer)).toMatchObject(expected);
  });
});
