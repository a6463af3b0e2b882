import { chmod, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { failure, temporaryFolder, writeJson } from "./temporary.ts";
import { type Shapes, type TinyConfig, tinyConfig, tinyShapes, writeTinyVqrae, zeros } from "./tiny-vqrae.ts";

describe("a VQRAE", () => {
  test("resolves every tensor", async () => {
    const folder = await writeTinyVqrae();
    const checkpoint = await readModel(folder);
    expect(checkpoint).toMatchObject({
      modelId: basename(folder),
      folder,
      image: tinyConfig().image,
      encoder: { patchSize: 4, grid: 2, maxTokens: 4, featureDim: 8 },
      codebook: { size: 16, dim: 10 },
      decoder: { takes: "ids", outputSize: 4 },
      summary: {
        encoder: { blocks: 3, hiddenSize: 8, grid: 2, imageSize: 8, layerNormEps: 1e-12, activation: "gelu" },
        features: { layer: 3, postNorm: true },
        codebook: { size: 16, dim: 10, layers: [1, 3], normalize: true },
        decoder: { blocks: 2, hiddenSize: 6, heads: 3, patchSize: 2, outputSize: 4 },
      },
    });
    expect(new Set(namesIn(checkpoint.weights))).toEqual(new Set(Object.keys(tinyShapes())));
  });

  test("codebook.bias false means no bias", async () => {
    const folder = await writeTinyVqrae((config, shapes) => {
      config.codebook.bias = false;
      delete shapes["quantizer.codebook_proj.bias"];
    });
    expect(namesIn((await readModel(folder)).weights)).not.toContain("quantizer.codebook_proj.bias");
  });

  test("negative layers count from the end", async () => {
    const folder = await writeTinyVqrae((config) => {
      config.features.layer = -2;
      config.codebook.layers = [-3, -1];
    });
    const { features, codebook } = (await readModel(folder)).summary;
    expect([features?.layer, codebook?.layers]).toEqual([2, [1, 3]]);
  });

  test("the encoder may keep the prefix that it was saved with", async () => {
    const folder = await writeTinyVqrae((_, shapes) => {
      for (const [name, shape] of Object.entries(shapes)) {
        if (!name.startsWith("encoder.")) continue;
        delete shapes[name];
        shapes[name.replace("encoder.", "encoder.vit.")] = shape;
      }
    });
    const { tower } = await readModel(folder);
    expect(tower?.spec.positions.table.name).toBe("encoder.vit.embeddings.position_embeddings");
  });
});

/** The names of all tensors inside a checkpoint. */
function namesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  if ("offset" in value && "name" in value) return [value.name as string];
  return Object.values(value).flatMap(namesIn);
}

describe("what does not fit", () => {
  const query = "encoder.encoder.layer.1.attention.attention.query.weight";
  const cases: [name: string, code: string, message: RegExp, change: (config: TinyConfig, shapes: Shapes) => void][] = [
    [
      "a wrong shape",
      "INVALID_CHECKPOINT",
      new RegExp(`Expected shape \\[8, 8\\] for tensor ${query} in .* but received \\[8, 7\\]`),
      (_, shapes) => (shapes[query] = [8, 7]),
    ],
    [
      "a wrong rank",
      "INVALID_CHECKPOINT",
      /shape \[16, 10\] for tensor quantizer\.codebook\.weight in .* received \[160\]/,
      (_, shapes) => (shapes["quantizer.codebook.weight"] = [160]),
    ],
    [
      "a missing tensor",
      "INVALID_CHECKPOINT",
      /shape \[12, 6, 1, 1\] for tensor decoder\.head\.weight in .* received no such tensor\. There are \d+ tensors/,
      (_, shapes) => delete shapes["decoder.head.weight"],
    ],
    [
      "another layout",
      "INVALID_CHECKPOINT",
      /tensor encoder\.embeddings\.patch_embeddings\.projection\.weight in .* no such tensor/,
      (_, shapes) => delete shapes["encoder.embeddings.patch_embeddings.projection.weight"],
    ],
    [
      "fewer blocks than config.json says",
      "INVALID_CHECKPOINT",
      /encoder\.layer\.3\./,
      (c) => (c.encoder.num_hidden_layers = 1e9),
    ],
    [
      "more decoder blocks than config.json says",
      "INVALID_CHECKPOINT",
      /an unknown tensor decoder\.layer\.1\./,
      (c) => (c.decoder.layers = 1),
    ],
    [
      "a bias that config.json denies",
      "INVALID_CHECKPOINT",
      /an unknown tensor quantizer\.codebook_proj\.bias of shape \[10\]/,
      (c) => (c.codebook.bias = false),
    ],
    ["a larger codebook", "INVALID_CHECKPOINT", /shape \[32, 10\]/, (c) => (c.codebook.size = 32)],
    [
      "a distillation token",
      "UNSUPPORTED",
      /Expected a ViT or DeiT without distillation token .* embeddings\.distillation_token/,
      (_, shapes) => (shapes["encoder.embeddings.distillation_token"] = [1, 1, 8]),
    ],
    ["a layer past the end", "INVALID_CONFIG", /from 1 to 3 .* features\.layer in .* 4/, (c) => (c.features.layer = 4)],
    ["layer 0", "INVALID_CONFIG", /for features\.layer in .* 0/, (c) => (c.features.layer = 0)],
    ["a layer before the first", "INVALID_CONFIG", /codebook\.layers\[0\]/, (c) => (c.codebook.layers = [-4, 1])],
    [
      "layers out of order",
      "INVALID_CONFIG",
      /ascending order for codebook\.layers/,
      (c) => (c.codebook.layers = [3, 1]),
    ],
    ["a layer twice", "INVALID_CONFIG", /ascending order/, (c) => (c.codebook.layers = [3, -1])],
    ["another image size", "INVALID_CONFIG", /Expected 8, .* for image\.size/, (c) => (c.image.size = 16)],
    [
      "an unknown family",
      "INVALID_CONFIG",
      /one of vit, deit, .* for encoder\.model_type in .* "bert"/,
      (c) => (c.encoder.model_type = "bert"),
    ],
    [
      "an encoder that gives each image its own grid",
      "INVALID_CONFIG",
      /Expected an encoder with one grid for all images for encoder\.model_type in .* "siglip2_vision_model"\. .*siglip_vision_model/,
      (c) => Object.assign(c.encoder, { model_type: "siglip2_vision_model", num_patches: 4 }),
    ],
    [
      "heads that do not divide",
      "INVALID_CONFIG",
      /encoder\.num_attention_heads/,
      (c) => (c.encoder.num_attention_heads = 3),
    ],
    [
      "a patch larger than the image",
      "INVALID_CONFIG",
      /at most image_size for encoder\.patch_size/,
      (c) => (c.encoder.patch_size = 9),
    ],
  ];
  test.each(cases)("%s", async (_, code, message, change) => {
    const error = await failure(readModel(await writeTinyVqrae(change)));
    expect(error).toEqual({ code, message: expect.stringMatching(message) });
  });

  test("weights that are no floats", async () => {
    const folder = await writeTinyVqrae();
    const tensors = zeros(tinyShapes()).map((tensor) =>
      tensor.name === query ? { ...tensor, dtype: "I32" as const } : tensor,
    );
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
    const { code, message } = await failure(readModel(folder));
    expect(code).toBe("INVALID_CHECKPOINT");
    expect(message).toMatch(/Expected F32, F16 or BF16 for dtype of tensor .*query\.weight in .* received I32/);
  });
});

describe("an encoder alone", () => {
  /** The tiny VQRAE's encoder, as a Hugging Face folder. */
  async function encoderFolder(change: Record<string, unknown>): Promise<string> {
    const folder = await temporaryFolder();
    await writeJson(folder, "config.json", { ...tinyConfig().encoder, ...change });
    const shapes = Object.entries(tinyShapes()).filter(([name]) => name.startsWith("encoder."));
    const own = Object.fromEntries(shapes.map(([name, shape]) => [name.replace("encoder.", ""), shape]));
    await writeSafetensors(join(folder, "model.safetensors"), zeros({ ...own, "pooler.dense.weight": [8, 8] }));
    return folder;
  }

  test("gives the last layer's features, normed, and the family's preprocessing", async () => {
    expect(await readModel(await encoderFolder({ image_size: [8, 8] }))).toMatchObject({
      tower: { features: { layer: 3, postNorm: true } },
      image: { size: 8, resample: "bilinear", geometry: "stretch", mean: [0.5, 0.5, 0.5] },
      codebook: null,
      decoder: null,
    });
  });

  test("a plain DeiT loads as a ViT", async () => {
    expect((await readModel(await encoderFolder({ model_type: "deit" }))).tower?.spec.blocks).toHaveLength(3);
  });

  test.each([
    [
      { model_type: "llama" },
      /one of vqrae, .*vit, deit, siglip_vision_model, siglip, siglip2_vision_model, siglip2, clip.* for model_type in .* "llama"/,
    ],
    [
      { model_type: "llava", vision_config: { model_type: "mllama_vision_model" } },
      /one of vqrae, .*vit, .* for vision_config\.model_type in .* "mllama_vision_model"/,
    ],
    [
      { model_type: "llava", mm_vision_tower: "openai/clip-vit-large-patch14-336" },
      /for model_type in .* "llava"\. .* config\.json of openai\/clip-vit-large-patch14-336 as its vision_config/,
    ],
    [{ model_type: "siglip2_vision_model", num_patches: 5 }, /Expected a square number for num_patches in .* 5/],
    [{ model_type: undefined }, /for model_type in .* received nothing/],
    [{ model_type: "siglip" }, /Expected an object for vision_config in .* received nothing/],
    [{ model_type: "siglip", vision_config: { hidden_size: 0 } }, /for vision_config\.hidden_size in .* 0/],
    [{ image_size: [8, 4] }, /Expected a square for image_size/],
    [{ num_channels: 1 }, /Expected 3 \(RGB\) for num_channels/],
    [{ hidden_act: "relu" }, /Expected one of "gelu", .* for hidden_act in .* "relu"/],
    [{ layer_norm_eps: "1e-6" }, /for layer_norm_eps/],
    [{ rope_theta: 10000 }, /Expected no such field for rope_theta in .*config\.json but received 10000\. Nothing/],
    [
      { model_type: "siglip", vision_config: { use_rope: true } },
      /Expected no such field for vision_config\.use_rope in .* true/,
    ],
  ])("%j is INVALID_CONFIG", async (change, message) => {
    const error = await failure(readModel(await encoderFolder(change)));
    expect(error).toEqual({ code: "INVALID_CONFIG", message: expect.stringMatching(message) });
  });
});

describe("folders", () => {
  test("missing", async () => {
    const { code, message } = await failure(readModel("/nowhere/model"));
    expect([code, message]).toEqual([
      "CHECKPOINT_NOT_FOUND",
      expect.stringContaining("Expected a folder with config.json for /nowhere/model but received nothing there."),
    ]);
  });

  test("without config.json, and a file", async () => {
    const folder = await temporaryFolder();
    expect((await failure(readModel(folder))).message).toContain("a folder without config.json");
    await writeFile(join(folder, "file"), "");
    expect(await failure(readModel(join(folder, "file")))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  });

  test("without weights", async () => {
    const folder = await writeTinyVqrae();
    await rm(join(folder, "model.safetensors"));
    expect(await failure(readModel(folder))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  });

  test.skipIf(process.platform === "win32" || process.getuid?.() === 0)(
    "with weights that may not be read",
    async () => {
      const folder = await writeTinyVqrae();
      await chmod(join(folder, "model.safetensors"), 0);
      const { code, message } = await failure(readModel(folder));
      expect([code, message]).toEqual(["CHECKPOINT_NOT_FOUND", expect.stringContaining("may not be read")]);
    },
  );

  test.each(["{", "[]", "3", ""])("with %j as config.json", async (text) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "config.json"), text);
    const { code, message } = await failure(readModel(folder));
    expect([code, message]).toEqual(["INVALID_CONFIG", expect.stringContaining("config.json")]);
  });
});
