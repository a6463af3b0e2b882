import { expect, test } from "vitest";
import { imageProcessors } from "../../../sdk/checkpoint/families/image-processors.ts";
import { encoder, read } from "./image-consumer.ts";
import { failure } from "./temporary.ts";

/** Preprocessing beyond one square: tiles, padding, native aspect ratios; from the processor's file and the VLM's config. */

const half = [0.5, 0.5, 0.5];
const imagenet = [0.485, 0.456, 0.406];
const square = { height: 224, width: 224 };
const ratio = (image_aspect_ratio: string) => ({ image_aspect_ratio });
const naflex = {
  ...encoder(),
  family: { imageProcessor: imageProcessors.Siglip2ImageProcessor, grids: { kind: "native" as const } },
};
const canvases = [[224, 448]];
const llavaNext = { image_processor_type: "LlavaNextImageProcessor", size: { shortest_edge: 224 }, crop_size: 224 };
const gotOcr2 = { image_processor_type: "GotOcr2ImageProcessor", size: square };

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
  const spec = { geometry: "native", patchSize: 16, maxPatches: 256, resample: "bilinear", mean: half, std: half };
  expect(await read16({})).toEqual(spec);
  expect(await read16({ max_num_patches: 1024, image_processor_type: "Siglip2ImageProcessorFast" })).toEqual({
    ...spec,
    maxPatches: 1024,
  });
});

const badVlms: [name: string, message: RegExp, file: object, config: object][] = [
  ["more tiles than any machine holds", /at most 1024 for max_patches in .* 1000000000/, { max_patches: 1e9 }, {}],
  [
    "fewer tiles than the fewest",
    /at most max_patches for min_patches in .* 7/,
    { min_patches: 7, max_patches: 6 },
    {},
  ],
  [
    "canvases of no whole tiles",
    /sides in multiples of 224 pixels.* for image_grid_pinpoints in .*preprocessor_config\.json .* \[224, 300\]/,
    { ...llavaNext, image_grid_pinpoints: [[224, 300]] },
    {},
  ],
  ["a canvas of a million tiles", /\[224000, 224000\]/, { ...llavaNext, image_grid_pinpoints: [[224000, 224000]] }, {}],
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
    /for image_grid_pinpoints in config\.json .* \[300, 224\]/,
    {},
    { ...ratio("anyres"), image_grid_pinpoints: [[224, 300]] },
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
    /one of Siglip2ImageProcessor for image_processor_type in .* "ViTImageProcessor"/,
    { image_processor_type: "ViTImageProcessor" },
  ],
  [/Expected 16, the encoder's patch_size, for patch_size in .* 14/, { patch_size: 14 }],
  [/at most 16384 for max_num_patches/, { max_num_patches: 1e6 }],
  [/Expected false for do_pad/, { do_pad: true }],
])("NaFlex: %s", async (message, file) => {
  const failed = await failure(read(file, "preprocessor_config.json", naflex));
  expect(failed).toEqual({ code: "INVALID_CONFIG", message: expect.stringMatching(message) });
});
