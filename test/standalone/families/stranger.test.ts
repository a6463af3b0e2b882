import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { VQRAE } from "../../../sdk/index.ts";
import {
  DataType,
  defineFamily,
  defineModel,
  GraphBuilder,
  positiveInteger,
  section,
  writeSafetensors,
} from "../../../sdk/kit.ts";
import { failure } from "../checkpoint/temporary.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

/**
 * A family that this package has never heard of, written with its two public faces alone: an autoencoder whose features are
 * a rotation of each patch, and whose decoder turns features, not ids, back into pixels.
 */
const rotation = defineFamily({
  modelTypes: { rotation: [] },
  config: section({ model_type: z.literal("rotation"), side: positiveInteger, patch: positiveInteger }),
  image: ({ side }) => ({
    geometry: "stretch",
    size: side,
    resizeTo: side,
    resample: "bilinear",
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    background: null,
    tiling: null,
  }),
  read({ side, patch }, tensors, base) {
    const dim = 3 * patch * patch;
    const grid = side / patch;
    const weight = tensors.tensor("rotation", [dim, dim]);
    return defineModel(base, {
      encoder: { patchSize: patch, grid, maxTokens: grid * grid, featureDim: dim },
      decoder: { takes: "features", outputSize: side },
      weights: { encoder: { weight }, others: [] },
      graphs: {
        encode: {
          takes: "patches",
          build(_weights, settings) {
            const g = new GraphBuilder("encoder", settings);
            const patches = g.input("patches", DataType.float, ["patches", dim]);
            const rotated = g.reshape(g.gemm(patches, g.weight(weight), null), [-1, grid * grid, dim]);
            g.output("features", rotated, DataType.float, ["images", grid * grid, dim]);
            return g.finish();
          },
        },
        decode(settings) {
          const g = new GraphBuilder("decoder", settings);
          const features = g.input("features", DataType.float, ["images", grid * grid, dim]);
          const patches = g.gemm(g.reshape(features, [-1, dim]), g.weight(weight), null, false); // its transpose
          g.output("energies", g.sumOfSquares(patches), DataType.float, ["patches"]);
          const bytes = g.multiply(g.clip(g.multiply(g.add(patches, g.float(1)), g.float(0.5)), 0, 1), g.float(255));
          const pixels = g.reshape(g.cast(g.round(bytes), DataType.uint8), [-1, grid, grid, 3, patch, patch]);
          const placed = g.reshape(g.transpose(pixels, [0, 1, 4, 2, 5, 3]), [-1, side, side, 3]);
          g.output("pixels", placed, DataType.uint8, ["images", side, side, 3]);
          return g.finish();
        },
      },
    });
  },
});

let folder: string;
let tokenizer: VQRAE;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-stranger-"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ model_type: "rotation", side: 8, patch: 2 }));
  await writeFile(join(folder, "README.md"), "---\nlicense: mit\n---\n\n# A model of somebody else's\n");
  // A cyclic shift with signs: orthogonal, so that its transpose undoes it.
  const data = new Float32Array(144);
  for (let i = 0; i < 12; i++) data[i * 12 + ((i + 5) % 12)] = i % 2 ? -1 : 1;
  await writeSafetensors(join(folder, "model.safetensors"), [
    { name: "rotation", dtype: "F32", shape: [12, 12], data },
  ]);
  tokenizer = await VQRAE.load(folder, { families: [rotation], threads: 1, warmup: true });
});
afterAll(async () => {
  await tokenizer.dispose();
  await rm(folder, { recursive: true });
});

describe("a stranger's family", () => {
  it("loads where it is passed, and only there", async () => {
    expect(tokenizer.info).toMatchObject({
      licence: "mit",
      grid: { rows: 4, columns: 4 },
      featureDim: 12,
      codebook: null,
      decodes: "features",
      outputSize: { width: 8, height: 8 },
    });
    const { code, message } = await failure(VQRAE.load(folder));
    expect(code).toBe("INVALID_CONFIG");
    expect(message).toMatch(/one of vqrae, .* for model_type .* "rotation"/);
  });

  it("decodes features back into the image", async () => {
    const images = [picture(8, 8), picture(20, 11)];
    const encoded = await tokenizer.encode(images, { ids: false });
    const decoded = await tokenizer.decode(encoded.map(({ features }) => features));
    const targets = await Promise.all(images.map((image) => tokenizer.reconstructionTarget(image)));
    expect(decoded.map(({ data }) => [...data])).toEqual(targets.map(({ data }) => [...data]));
    const [first] = encoded;
    expect(await tokenizer.decode(first!.features)).toEqual(decoded[0]);
  });

  it.each<[string, (features: Float32Array) => unknown, number | undefined, string]>([
    ["ids", () => [1, 2, 3], undefined, "a Float32Array of features"],
    ["features of another width", (f) => f.slice(1), undefined, "192 numbers (4 rows of 4 tokens of 12)"],
    ["numbers that are not finite, among many", (f) => [f, f.map(() => Number.NaN)], 1, "a finite number"],
  ])("refuses %s", async (_, make, index, message) => {
    const { features } = await tokenizer.encode(picture(8, 8), { ids: false });
    const error = await tokenizer.decode(make(features) as Float32Array).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
    expect((error as { index?: number }).index).toBe(index);
  });

  it("has no ids and no codes", async () => {
    expect(await failure(tokenizer.encode(picture(8, 8), { ids: true }))).toMatchObject({ code: "UNSUPPORTED" });
    expect(await failure(tokenizer.codebookVectors([0]))).toMatchObject({ code: "UNSUPPORTED" });
  });

  it.each([[{}], [[{ modelTypes: {} }]], ["rotation"]])("%j is no list of families", async (families) => {
    const error = await failure(VQRAE.load(folder, { families: families as never }));
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.message).toContain("defineFamily");
  });
});
