import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadProjector } from "../../../sdk/index.ts";
import { defineProjectorFamily, looseSection, projectorParts } from "../../../sdk/kit.ts";
import { failure, temporaryFolder, writeJson } from "../checkpoint/temporary.ts";
import { type Tensors, type TinyProjectorConfig, writeTinyProjector } from "./tiny-projector.ts";

it("is plain data that survives a change of thread", async () => {
  const projector = await loadProjector(await writeTinyProjector());
  expect(structuredClone(projector)).toEqual(projector);
  expect(JSON.parse(JSON.stringify(projector))).toEqual(projector);
  expect(projector.info).toMatchObject({ type: "vqrae_projector", inputDim: 16, outputDim: 6, patchesPerToken: 1 });
});

it("takes several layers, whose features lie side by side", async () => {
  const folder = await writeTinyProjector((config) => {
    config.hidden_size = 8;
    config.features = { layer: [4, -1], postNorm: false };
  });
  const { info, features } = await loadProjector(folder);
  expect([info.inputDim, features.layers]).toEqual([16, [4, -1]]);
});

describe("a family of your own", () => {
  const { layout, linear, widthInto } = projectorParts;
  const oneLinear = defineProjectorFamily({
    type: "one_linear",
    modelTypes: ["vqrae_projector"],
    marker: null,
    config: looseSection({}),
    landmark: "mlp1.3.weight",
    read(_, tensors) {
      const only = linear(tensors, "mlp1.3");
      // This family's module has other tensors, which are none of its business.
      for (const name of ["mlp1.0", "mlp1.1"]) {
        tensors.tensor(`${name}.weight`, name === "mlp1.0" ? [null] : [null, null]);
        tensors.tensor(`${name}.bias`, [null]);
      }
      const features = { layers: [-1], tokens: "patches" } as const;
      return { inputDim: widthInto(only), features, ops: [only], layout: layout({}) };
    },
  });

  it("goes before those that are known", async () => {
    const folder = await writeTinyProjector();
    const { info } = await loadProjector(folder, { families: [oneLinear] });
    expect(info).toMatchObject({ type: "one_linear", inputDim: 10, outputDim: 6 });
    expect((await loadProjector(folder, { families: [] })).info.type).toBe("vqrae_projector");
  });

  it("is one, and in a list", async () => {
    for (const options of [{ families: oneLinear }, { families: [{}] }, { family: [oneLinear] }]) {
      const { code, message } = await failure(loadProjector(await writeTinyProjector(), options as never));
      expect(code).toBe("INVALID_ARGUMENT");
      expect(message).toContain("of loadProjector");
    }
  });
});

describe("refuses, naming what is wrong:", () => {
  it.each<[string, (config: TinyProjectorConfig, tensors: Tensors) => void, string, string]>([
    [
      "another width than the LayerNorm's",
      (config) => Object.assign(config, { hidden_size: 20 }),
      "INVALID_CHECKPOINT",
      "Expected 20 numbers on axis 0 for tensor mlp1.0.weight",
    ],
    [
      "another cell than the LayerNorm's",
      (config) => Object.assign(config, { downsample_ratio: 0.5 }),
      "INVALID_CHECKPOINT",
      "Expected 64 numbers on axis 0 for tensor mlp1.0.weight",
    ],
    [
      "linears that do not follow each other",
      (_, tensors) => Object.assign(tensors["mlp1.3.weight"]!, { shape: [6, 5], data: new Float32Array(30) }),
      "INVALID_CHECKPOINT",
      "Expected 10 numbers on axis 1 for tensor mlp1.3.weight",
    ],
    [
      "another language model's width",
      (config) => Object.assign(config, { text_hidden_size: 7 }),
      "INVALID_CHECKPOINT",
      "Expected shape [7, any] for tensor mlp1.3.weight",
    ],
    ["a missing tensor", (_, tensors) => delete tensors["mlp1.1.bias"], "INVALID_CHECKPOINT", "tensor mlp1.1.bias"],
    [
      "a projector's tensor that nothing asks for",
      (_, tensors) => Object.assign(tensors, { "mlp1.4.weight": { shape: [1], data: new Float32Array(1) } }),
      "INVALID_CHECKPOINT",
      "an unknown tensor mlp1.4.weight",
    ],
    [
      "two projectors",
      (_, tensors) => Object.assign(tensors, { "other.mlp1.0.weight": tensors["mlp1.0.weight"] }),
      "UNSUPPORTED",
      "Expected one projector",
    ],
    [
      "a ratio that is no cell",
      (config) => Object.assign(config, { downsample_ratio: 0.4 }),
      "INVALID_CONFIG",
      "Expected 1 / a whole number for downsample_ratio",
    ],
    [
      "more tiles at least than at most",
      (config) => Object.assign(config, { tiles: { min: 3, max: 2, thumbnail: false } }),
      "INVALID_CONFIG",
      "tiles.min",
    ],
    [
      "another kind of our own",
      (config) => Object.assign(config, { projector_type: "resampler" }),
      "INVALID_CONFIG",
      'Expected one of "internvl" for projector_type',
    ],
    [
      "an architecture without a projector here",
      (config) => Object.assign(config, { model_type: "bert" }),
      "INVALID_CONFIG",
      "for model_type",
    ],
    [
      "a field that ours does not have",
      (config) => Object.assign(config, { scale: 1 }),
      "INVALID_CONFIG",
      "no such field",
    ],
  ])("%s", async (_, change, code, message) => {
    const error = await failure(loadProjector(await writeTinyProjector(change)));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  it("no folder, no config.json, no weights", async () => {
    expect((await failure(loadProjector("/nowhere/at/all"))).code).toBe("CHECKPOINT_NOT_FOUND");
    expect(await failure(loadProjector("package.json"))).toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
      message: expect.stringMatching(/^Expected a folder with config.json for .*package.json but received a file\./),
    });
    expect((await failure(loadProjector(undefined as never))).code).toBe("INVALID_ARGUMENT");
    expect((await failure(loadProjector(await temporaryFolder()))).code).toBe("CHECKPOINT_NOT_FOUND");
    const folder = await writeTinyProjector();
    await rm(join(folder, "model.safetensors"));
    expect((await failure(loadProjector(folder))).code).toBe("CHECKPOINT_NOT_FOUND");
  });

  it.each([
    [{ mm_projector_type: "resampler" }, '"mlp2x_gelu"'],
    [{ mm_projector_type: "mlp2x_gelu", mm_patch_merge_type: "spatial" }, "mm_patch_merge_type"],
    [{ mm_projector_type: "mlp2x_gelu", image_aspect_ratio: "anyres_max_9" }, "image_aspect_ratio"],
    [{ model_type: "internvl_chat", ps_version: "v1" }, "ps_version"],
    [{ model_type: "llava", vision_feature_layer: [] }, "vision_feature_layer"],
    [{ model_type: "llava", projector_hidden_act: "snake" }, "projector_hidden_act"],
    [
      { model_type: "gemma3", vision_config: { image_size: 896, patch_size: 14 }, mm_tokens_per_image: 200 },
      "mm_tokens",
    ],
    [{ model_type: "gemma3" }, "vision_config"],
  ])("%j", async (config, message) => {
    const folder = await temporaryFolder();
    await writeJson(folder, "config.json", config);
    const error = await failure(loadProjector(folder));
    expect(error.code).toBe("INVALID_CONFIG");
    expect(error.message).toContain(message);
  });
});
