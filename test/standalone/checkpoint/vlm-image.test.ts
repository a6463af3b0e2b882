import { expect, test } from "vitest";
import { siglip2ImageProcessor } from "../../../sdk/families/siglip2/image.ts";
import { type Consumer, encoder, read } from "./image-consumer.ts";
import { failure } from "./temporary.ts";

/** Preprocessing beyond one square: tiles, padding, native aspect ratios; from the processor's file and the VLM's config. */

const half = [0.5, 0.5, 0.5];
const imagenet = [0.485, 0.456, 0.406];
const square = { height: 224, width: 224 };
const ratio = (image_aspect_ratio: string) => ({ image_aspect_ratio });
const naflex: Consumer = {
  ...encoder(siglip2ImageProcessor),
  encoder: { imageSize: 224, patchSize: 16, grids: "native" },
};
const canvases = [[224, 448]];
const llavaNext = { image_processor_type: "LlavaNextImageProcessor", size: { shortest_edge: 224 }, crop_size: 224 };
const gotOcr2 = { image_processor_type: "GotOcr2ImageProcessor", size: square };

const lfm2 = { image_processor_type: "Lfm2VlImageProcessor" };
const idefics3 = { image_processor_type: "Idefics3ImageProcessor", max_image_size: { longest_edge: 224 } };

const vlms: [name: string, file: object, config: object, spec: object][] = [
  ["tiles that are off", gotOcr2, {}, { tiling: null }],
  ["at most one tile", { ...gotOcr2, crop_to_patches: true, max_patches: 1 }, {}, { tiling: null }],
  [
    "transformers' defaults of tiles",
    { ...gotOcr2, crop_to_patches: true },
    {},
    { tiling: { kind: "dynamic", min: 1, max: 12, thumbnail: true } },
  ],
  [
    "LLaVA-NeXT's batches are not padded",
    { ...llavaNext, do_pad: true, image_grid_pinpoints: canvases },
    {},
    { geometry: "stretch", background: null, tiling: { kind: "anyres", pinpoints: canvases } },
  ],
  [
    "Idefics3's tiles, four of the default side a side",
    idefics3,
    {},
    { geometry: "stretch", size: 224, tiling: { kind: "split", longestEdge: 1456, split: true }, resample: "lanczos" },
  ],
  [
    "Idefics3's whole image",
    { ...idefics3, size: { longest_edge: 896 }, do_image_splitting: false },
    {},
    { tiling: { kind: "split", longestEdge: 896, split: false } },
  ],
  [
    "Gemma 3's square",
    { image_processor_type: "Gemma3ImageProcessor", size: square },
    {},
    { geometry: "stretch", size: 224, tiling: null, resample: "bilinear", mean: half },
  ],
  [
    "a whole processor goes before config.json",
    { ...llavaNext, image_grid_pinpoints: canvases },
    { image_aspect_ratio: "anyres_max_9", image_grid_pinpoints: [[448, 448]] },
    { tiling: { kind: "anyres", pinpoints: canvases } },
  ],
  [
    "padding, as config.json of the original LLaVA asks",
    { image_mean: [0.48145466, 0.4578275, 0.40821073] },
    { image_aspect_ratio: "pad" },
    { background: [122, 116, 104] },
  ],
  [
    "OpenGVLab's defaults",
    { image_processor_type: "CLIPFeatureExtractor", size: 384, crop_size: 384, resample: 2 },
    { dynamic_image_size: true },
    {
      geometry: "stretch",
      size: 224,
      resizeTo: 224,
      resample: "bicubic",
      mean: imagenet,
      std: [0.229, 0.224, 0.225],
      tiling: { kind: "dynamic", min: 1, max: 6, thumbnail: false },
    },
  ],
  [
    "OpenGVLab's statistics, where the file has some",
    { image_mean: half },
    { dynamic_image_size: false },
    { mean: half },
  ],
];
test.each(vlms)("%s", async (_, file, config, spec) => {
  expect(await read(file, "preprocessor_config.json", encoder(undefined, config))).toMatchObject(spec);
});

test("NaFlex: the file's patches, else the processor's", async () => {
  const read16 = (config: object) => read(config, "preprocessor_config.json", naflex);
  const pixels = { patchSize: 16, resample: "bilinear", mean: half, std: half };
  const spec = { geometry: "native", maxPatches: 256, pixels: null, tiles: null, ...pixels };
  expect(await read16({})).toEqual(spec);
  expect(await read16({ max_num_patches: 1024, image_processor_type: "Siglip2ImageProcessorFast" })).toEqual({
    ...spec,
    maxPatches: 1024,
  });
});

test("LFM2-VL: a range of pixels, and tiles of images that exceed it", async () => {
  const spec = await read(lfm2, "preprocessor_config.json", naflex);
  const tiles = { size: 512, above: 524288, min: 2, max: 10, thumbnail: true };
  const pixels = { factor: 32, minPixels: 65536, maxPixels: 262144 };
  expect(spec).toMatchObject({ geometry: "native", maxPatches: 1024, pixels, tiles });
  const whole = await read({ ...lfm2, do_image_splitting: false }, "preprocessor_config.json", naflex);
  expect(whole).toMatchObject({ pixels, tiles: null });
});

const badVlms: [name: string, message: RegExp, file: object, config: object][] = [
  [
    "more tiles than any machine holds",
    /at most 1024 for max_patches in .* 1000000000/,
    { ...gotOcr2, max_patches: 1e9 },
    {},
  ],
  [
    "fewer tiles than the fewest",
    /at most max_patches for min_patches in .* 7/,
    { ...gotOcr2, min_patches: 7, max_patches: 6 },
    {},
  ],
  [
    "canvases of no whole tiles",
    /sides in multiples of 224 pixels.* for image_grid_pinpoints\[0\] in .*preprocessor_config\.json .* \[224, 300\]/,
    { ...llavaNext, image_grid_pinpoints: [[224, 300]] },
    {},
  ],
  ["a canvas of a million tiles", /\[224000, 224000\]/, { ...llavaNext, image_grid_pinpoints: [[224000, 224000]] }, {}],
  [
    "tiles of another size than the encoder takes",
    /224 pixels, the encoder's image_size/,
    { ...idefics3, max_image_size: { longest_edge: 364 } },
    {},
  ],
  [
    "a longest edge of a processor that takes none",
    /a square for size in .* an object/,
    { image_processor_type: "ViTImageProcessor", size: { longest_edge: 224 } },
    {},
  ],
  ["a colour that is none", /from 0 to 1.* for image_mean in .* \[2, 0, 0\]/, { image_mean: [2, 0, 0] }, ratio("pad")],
  ["no canvas", /a list of pairs/, { ...llavaNext, image_grid_pinpoints: [] }, {}],
  [
    "tiles that are resized",
    /Expected 256 pixels.* for crop_size/,
    { ...llavaNext, size: { shortest_edge: 256 }, image_grid_pinpoints: canvases },
    {},
  ],
  [
    "an unknown shape",
    /"square", "pad" or "anyres" for image_aspect_ratio in config\.json .* "highres"/,
    {},
    ratio("highres"),
  ],
  ["anyres without canvases", /for image_grid_pinpoints in config\.json .* nothing/, {}, ratio("anyres")],
  [
    "canvases of no whole tiles in config.json",
    /for image_grid_pinpoints\[1\] in config\.json .* \[224, 300\]/,
    {},
    {
      ...ratio("anyres"),
      image_grid_pinpoints: [
        [448, 224],
        [224, 300],
      ],
    },
  ],
  [
    "OpenGVLab's fewest above the most",
    /at most max_dynamic_patch for min_dynamic_patch in config\.json .* 7/,
    {},
    { dynamic_image_size: true, min_dynamic_patch: 7 },
  ],
  [
    "another tile than the encoder takes",
    /Expected 224 pixels/,
    {},
    { dynamic_image_size: true, force_image_size: 448 },
  ],
];
test.each(badVlms)("%s is INVALID_CONFIG", async (_, message, file, config) => {
  const failed = await failure(read(file, "preprocessor_config.json", encoder(undefined, config)));
  expect(failed).toEqual({ code: "INVALID_CONFIG", message: expect.stringMatching(message) });
});

test.each([
  [
    /one of Siglip2ImageProcessor, Lfm2VlImageProcessor for image_processor_type in .* "ViTImageProcessor"/,
    { image_processor_type: "ViTImageProcessor" },
  ],
  [/Expected 16, the encoder's patch_size, for patch_size in .* 14/, { patch_size: 14 }],
  [/at most 16384 for max_num_patches/, { max_num_patches: 1e6 }],
  [/Expected false for do_pad/, { do_pad: true }],
  [/16, the encoder's patch_size, for encoder_patch_size in .* 14/, { ...lfm2, encoder_patch_size: 14 }],
  [/a multiple of 32 for tile_size in .* 500/, { ...lfm2, tile_size: 500 }],
  [/at most max_tiles for min_tiles in .* 11/, { ...lfm2, min_tiles: 11 }],
  [/at most 16384 for max_image_tokens in .* 1000000/, { ...lfm2, max_image_tokens: 1e6 }],
])("NaFlex: %s", async (message, file) => {
  const failed = await failure(read(file, "preprocessor_config.json", naflex));
  expect(failed).toEqual({ code: "INVALID_CONFIG", message: expect.stringMatching(message) });
});
