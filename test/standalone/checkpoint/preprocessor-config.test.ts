import { expect, test } from "vitest";
import { siglipImageProcessor } from "../../../sdk/families/siglip/image.ts";
import { encoder, planIn, read } from "./image-consumer.ts";
import { failure, temporaryFolder, writeJson } from "./temporary.ts";

const half = [0.5, 0.5, 0.5];
const vit = {
  size: 224,
  resizeTo: 224,
  geometry: "stretch",
  resample: "bilinear",
  background: null,
  tiling: null,
  mean: half,
  std: half,
};
const square = { height: 224, width: 224 };

test("no file: the family's defaults at the encoder's size", async () => {
  expect(await planIn(await temporaryFolder(), encoder(siglipImageProcessor, {}, 384))).toEqual({
    ...vit,
    size: 384,
    resizeTo: 384,
    resample: "bicubic",
  });
});

const good: [name: string, config: object, spec: object][] = [
  ["a ViT", { image_processor_type: "ViTImageProcessor", size: square, resample: 2 }, vit],
  ["an old ViT", { feature_extractor_type: "ViTFeatureExtractor", size: 224 }, vit],
  ["a fast variant", { image_processor_type: "ViTImageProcessorFast", size: square }, vit],
  ["no type", { size: square, resample: 3 }, { ...vit, resample: "bicubic" }],
  ["SigLIP2", { image_processor_type: "SiglipImageProcessor", size: square, resample: 2 }, vit],
  ["SigLIP's default filter", { image_processor_type: "SiglipImageProcessor" }, { ...vit, resample: "bicubic" }],
  [
    "a DeiT whose crop cuts nothing",
    { image_processor_type: "DeiTImageProcessor", size: 224, crop_size: 224 },
    { ...vit, resample: "bicubic" },
  ],
  [
    "facebook/deit-*: 256, then 224",
    { feature_extractor_type: "DeiTFeatureExtractor", size: 256, do_center_crop: true, crop_size: 224, resample: 3 },
    { ...vit, resizeTo: 256, resample: "bicubic" },
  ],
  ["DeiT's defaults", { image_processor_type: "DeiTImageProcessor" }, { ...vit, resizeTo: 256, resample: "bicubic" }],
  [
    "shortest edge, then the centre",
    { size: { shortest_edge: 224 }, crop_size: square, do_center_crop: true },
    { ...vit, geometry: "crop" },
  ],
  ["lanczos", { resample: 1 }, { ...vit, resample: "lanczos" }],
  ["box", { resample: 4 }, { ...vit, resample: "box" }],
  [
    "ImageNet statistics",
    { image_mean: [0.1, 0.2, 0.3], image_std: [0.4, 0.5, 0.6] },
    { ...vit, mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] },
  ],
  ["no normalisation", { do_normalize: false, image_mean: half }, { ...vit, mean: [0, 0, 0], std: [1, 1, 1] }],
  ["nulls, as transformers 5 writes them", { do_pad: null, crop_size: null, do_center_crop: null }, vit],
];
test.each(good)("%s", async (_, config, spec) => {
  expect(await read(config)).toEqual(spec);
});

test("processor_config.json of transformers 5 comes first", async () => {
  const folder = await temporaryFolder();
  await writeJson(folder, "preprocessor_config.json", { resample: 1 });
  await writeJson(folder, "processor_config.json", { image_processor: { resample: 3 }, processor_class: "X" });
  expect(await planIn(folder, encoder())).toMatchObject({ resample: "bicubic" });
  await writeJson(folder, "processor_config.json", { processor_class: "X" });
  expect(await planIn(folder, encoder())).toMatchObject({ resample: "lanczos" });
});

const bad: [name: string, message: RegExp, config: unknown][] = [
  ["nearest", /Expected 1 \(lanczos\), .* for resample in .* received 0/, { resample: 0 }],
  ["hamming", /for resample in .* received 5/, { resample: 5 }],
  ["no resize", /Expected true for do_resize/, { do_resize: false }],
  ["no rescale", /Expected true for do_rescale/, { do_rescale: false }],
  ["another scale", /Expected 1\/255.* for rescale_factor/, { rescale_factor: 1 / 127.5 }],
  ["padding", /Expected false for do_pad/, { do_pad: true }],
  ["an oblong", /Expected a square for size/, { size: { height: 224, width: 112 } }],
  ["an uncropped shortest edge", /for size in .*Only squares/, { size: { shortest_edge: 224 } }],
  ["SigLIP's bare number", /for size/, { image_processor_type: "SiglipImageProcessor", size: 224 }],
  [
    "a crop larger than the resized image",
    /Expected at most 200, the pixels images are resized to, for crop_size in .* received 224/,
    { image_processor_type: "DeiTImageProcessor", size: 200, crop_size: 224 },
  ],
  ["an odd size", /for size/, { size: "224" }],
  ["a size that the encoder does not have", /Expected 224 pixels, the encoder's image_size, for size/, { size: 384 }],
  [
    "an unknown processor",
    /image_processor_type in .* "Siglip2ImageProcessor"/,
    { image_processor_type: "Siglip2ImageProcessor" },
  ],
  ["a type of Object.prototype", /for image_processor_type/, { image_processor_type: "constructor" }],
  ["a zero std", /for image_std\[0\]/, { image_std: [0, 1, 1] }],
  ["a list", /Expected a JSON object/, []],
];
test.each(bad)("%s is INVALID_CONFIG", async (_, message, config) => {
  expect(await failure(read(config))).toEqual({ code: "INVALID_CONFIG", message: expect.stringMatching(message) });
});

test("a field inside processor_config.json is named with its path", async () => {
  const { message } = await failure(read({ image_processor: { resample: 0 } }, "processor_config.json"));
  expect(message).toMatch(/for image_processor\.resample in .*processor_config\.json/);
});
