import { describe, expect, it } from "vitest";
import {
  defineFamily,
  defineModel,
  flag,
  knownSection,
  plainProcessor,
  positiveInteger,
  readImagePlan,
  unreadConfigFields,
} from "../../../sdk/kit.ts";
import { failure, temporaryFolder, writeJson } from "../checkpoint/temporary.ts";

/** A stranger's family, written with `vqrae/kit` alone, reads a processor's file as the shipped ones do. */
const processor = plainProcessor(["SquareImageProcessor"], {
  size: { side: 32 },
  crop: null,
  numberIsSquare: true,
  resample: "bilinear",
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
});
const square = defineFamily({
  modelTypes: { square: [] },
  config: knownSection({ side: positiveInteger, mirrored: flag.default(false) }, unreadConfigFields),
  image: ({ side }, source) =>
    readImagePlan(source, { imageSize: side, patchSize: 4, grids: "trained" }, processor, [processor]),
  read: (_config, _tensors, base) =>
    defineModel(base, {
      encoder: { patchSize: 4, grid: 8, maxTokens: 64, featureDim: 48 },
      weights: { encoder: {}, others: [] },
      graphs: {
        encode: {
          takes: "patches",
          build() {
            throw new Error("no graph is built here");
          },
        },
      },
    }),
});

async function plan(file: object | null, json: Record<string, unknown> = {}) {
  const folder = await temporaryFolder();
  if (file) await writeJson(folder, "preprocessor_config.json", file);
  const config = square.config.parse({ side: 48, ...json });
  return square.image(config, { folder, file: "config.json", json, path: [], processor: null });
}

describe("a stranger's image processor", () => {
  it("has the encoder's size without a file, its own with one that says none, else the file's", async () => {
    expect(await plan(null)).toMatchObject({ geometry: "stretch", size: 48, resample: "bilinear" });
    expect(await failure(Promise.resolve(plan({})))).toMatchObject({ message: expect.stringMatching(/48 pixels/) });
    const file = { image_processor_type: "SquareImageProcessorFast", size: 48, resample: 3 };
    expect(await plan(file)).toMatchObject({ size: 48, resample: "bicubic" });
  });

  it("refuses other processors and unknown fields by name", async () => {
    const other = await failure(Promise.resolve(plan({ image_processor_type: "ViTImageProcessor" })));
    expect(other.message).toMatch(/one of SquareImageProcessor for image_processor_type in .* "ViTImageProcessor"/);
    const unknown = await failure(Promise.resolve(plan({ size: 48, do_sharpen: true })));
    expect(unknown.message).toMatch(/no such field for do_sharpen/);
    expect(() => square.config.parse({ side: 48, rope_theta: 1 })).toThrow(/no such field/);
  });
});
