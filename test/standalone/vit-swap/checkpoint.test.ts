import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { encodeGgufTensor } from "../../../adapters/gguf/index.ts";
import { swapVit } from "../../../adapters/vit-swap/index.ts";
import { loadProjector, VQRAE } from "../../../sdk/index.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { largestDifference, readExpected } from "../../golden/expected.ts";
import { rewritten } from "../../golden/projector/rewritten.ts";
import { idefics3On25 } from "../../helpers/idefics3-25.ts";
import { temporaryFolder, writeJson } from "../checkpoint/temporary.ts";
import { encoder, refusal, vlm } from "./fixtures.ts";

const golden = (name: string) => join(import.meta.dirname, "../../golden/vit-swap", name);
const tensorsOf = (folder: string) => Object.entries(readExpected(join(folder, "model.safetensors")));
const f32 = ([name, { shape, data }]: ReturnType<typeof tensorsOf>[number]): TensorToWrite => ({
  name,
  dtype: "F32",
  shape,
  data: data as Float32Array<ArrayBuffer>,
});

/** gemma3 in two shards: the tower in the first but for its last block, which is in the second with the rest. */
async function sharded(folder: string): Promise<string[]> {
  await cp(vlm("gemma3"), folder, { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
  const all = tensorsOf(vlm("gemma3"));
  const inFirst = (name: string) => name.startsWith("vision_tower.") && !name.includes("layers.2.");
  const inThird = (name: string) => name.startsWith("language_model.");
  const shards = ["model-1.safetensors", "model-2.safetensors", "model-3.safetensors"];
  const shardOf = (name: string) => shards[inFirst(name) ? 0 : inThird(name) ? 2 : 1]!;
  for (const shard of shards) {
    await writeSafetensors(join(folder, shard), all.filter(([name]) => shardOf(name) === shard).map(f32), {
      format: "pt",
    });
  }
  const weight_map = Object.fromEntries(all.map(([name]) => [name, shardOf(name)]));
  await writeJson(folder, "model.safetensors.index.json", { metadata: { total_size: 1 }, weight_map });
  await mkdir(join(folder, "more"));
  await writeFile(join(folder, "more", "tokenizer.bin"), "anything");
  return shards;
}

test("shards keep their index; those without the tower, and all other files, stay byte for byte", async () => {
  const folder = await temporaryFolder();
  const [model, out] = [join(folder, "model"), join(folder, "out")];
  await mkdir(model);
  const shards = await sharded(model);
  await swapVit(model, encoder("gemma3"), out);
  const files = (await readdir(model)).filter((name) => name !== "more");
  expect((await readdir(out)).sort()).toEqual([...files, "more"].sort());
  for (const name of [...files, join("more", "tokenizer.bin")]) {
    const same = Buffer.compare(await readFile(join(model, name)), await readFile(join(out, name))) === 0;
    expect([name, same]).toEqual([name, !shards.slice(0, 2).includes(name)]);
  }
  // Inside the shards only the tower differs.
  for (const name of shards.slice(0, 2)) {
    const [before, after] = [await openSafetensors(join(model, name)), await openSafetensors(join(out, name))];
    expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
    expect(after.metadata).toEqual(before.metadata);
  }
  expect(await readdir(folder)).toEqual(["model", "out"]);
});

test("links of a hub cache are followed, and are files in the output", async () => {
  const folder = await temporaryFolder();
  const [model, out] = [join(folder, "snapshot"), join(folder, "out")];
  await mkdir(model);
  for (const name of await readdir(vlm("gemma3"))) await symlink(join(vlm("gemma3"), name), join(model, name));
  const before = await readFile(join(vlm("gemma3"), "model.safetensors"));
  await swapVit(model, encoder("gemma3"), out);
  expect(await readFile(join(vlm("gemma3"), "model.safetensors"))).toEqual(before);
  expect(await readFile(join(out, "model.safetensors"))).not.toEqual(before);
  expect((await readdir(out, { withFileTypes: true })).every((entry) => entry.isFile())).toBe(true);
});

test("the model's own type stays, rounded where that was allowed", async () => {
  const folder = await temporaryFolder();
  const [model, out] = [join(folder, "model"), join(folder, "out")];
  await cp(vlm("gemma3"), model, { recursive: true });
  const halves = tensorsOf(vlm("gemma3")).map(([name, { shape, data }]): TensorToWrite => {
    return { name, dtype: "BF16", shape, data: encodeGgufTensor("BF16", Float32Array.from(data)) };
  });
  await writeSafetensors(join(model, "model.safetensors"), halves);
  expect((await refusal(model, encoder("gemma3"), "out")).message).toMatch(
    /type of the weights: BF16 wanted, F32 given/,
  );
  expect(await swapVit(model, encoder("gemma3"), out, { allow: ["dtype"] })).toMatchObject({ dtype: "BF16" });
  const { tensors } = await openSafetensors(join(out, "model.safetensors"));
  expect([...tensors.values()].every(({ dtype }) => dtype === "BF16")).toBe(true);
});

test("OpenGVLab's InternVL: other names, queries, keys and values in one tensor", async () => {
  const names = (tensor: string): string | null =>
    tensor.startsWith("language_model.")
      ? null
      : tensor
          .replace("multi_modal_projector.layer_norm", "mlp1.0")
          .replace("multi_modal_projector.linear_1", "mlp1.1")
          .replace("multi_modal_projector.linear_2", "mlp1.3")
          .replace("vision_tower.", "vision_model.")
          .replace("embeddings.cls_token", "embeddings.class_embedding")
          .replace("embeddings.patch_embeddings.projection", "embeddings.patch_embedding")
          .replace("embeddings.position_embeddings", "embeddings.position_embedding")
          .replace("encoder.layer.", "encoder.layers.")
          .replace("layernorm_before", "norm1")
          .replace("layernorm_after", "norm2")
          .replace("attention.projection_layer", "attn.proj")
          .replace("lambda_", "ls");
  const model = await rewritten("internvl", names, ({ vision_config, text_config }) => ({
    model_type: "internvl_chat",
    downsample_ratio: 0.5,
    select_layer: -1,
    ps_version: "v2",
    force_image_size: 16,
    vision_config: {
      ...internVitSizes(vision_config as object),
      model_type: "intern_vit_6b",
      qkv_bias: true,
      qk_normalization: false,
      norm_type: "layer_norm",
      image_size: 16,
      patch_size: 4,
    },
    llm_config: text_config,
  }));
  const own = readExpected(join(model, "model.safetensors"));
  const fused = Object.entries(own).flatMap(([name, tensor]): TensorToWrite[] => {
    if (/attention\.(k|v)_proj/.test(name)) return [];
    if (!name.includes("attention.q_proj")) return [f32([name, tensor])];
    const parts = ["q", "k", "v"].map((part) => own[name.replace("q_proj", `${part}_proj`)]!);
    const data = Float32Array.from(parts.flatMap((part) => [...part.data]));
    const shape = [3 * tensor.shape[0]!, ...tensor.shape.slice(1)];
    return [{ name: name.replace("attention.q_proj", "attn.qkv"), dtype: "F32", shape, data }];
  });
  await writeSafetensors(join(model, "model.safetensors"), fused);
  const out = join(await temporaryFolder(), "out");
  // Its processor is not the hub's here: the pixels are those of the golden features.
  await swapVit(model, encoder("internvl"), out, { allow: ["mean", "std"] });
  const projector = { ...(await loadProjector(out)), tiling: null };
  const tokenizer = await VQRAE.load(out, { projector, device: "cpu", threads: 1 });
  onTestFinished(() => tokenizer.dispose());
  const { image, features } = readExpected(join(golden("internvl"), "expected.safetensors"));
  const { segments } = await tokenizer.embed({ width: 16, height: 16, data: image!.data as Uint8Array });
  const [embeddings] = segments.flatMap((segment) => (segment.type === "embeddings" ? [segment.data] : []));
  expect(largestDifference(embeddings!, features!.data)).toBeLessThan(1e-4);
});

/** The fields that OpenGVLab's config and transformers' have in common; InternViT's own has no others of it. */
function internVitSizes(config: object): object {
  const shared = [
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "layer_norm_eps",
    "hidden_act",
  ];
  return Object.fromEntries(Object.entries(config).filter(([name]) => shared.includes(name)));
}

test("an encoder whose positions are in order cannot take the place of one that finds them by buckets", async () => {
  const [model, siglip] = [await idefics3On25(), await idefics3On25()];
  const file = join(siglip, "config.json");
  const { vision_config } = JSON.parse(await readFile(file, "utf8"));
  await writeJson(siglip, "config.json", {
    ...vision_config,
    model_type: "siglip_vision_model",
    vision_use_head: false,
  });
  await writeJson(siglip, "preprocessor_config.json", {
    image_processor_type: "SiglipImageProcessor",
    size: { height: 100, width: 100 },
  });
  const tower = tensorsOf(siglip).filter(([name]) => name.startsWith("model.vision_model."));
  await writeSafetensors(join(siglip, "model.safetensors"), tower.map(f32));
  expect(await refusal(model, siglip, "out")).toMatchObject({
    code: "INCOMPATIBLE",
    message: expect.stringMatching(/positions found by Idefics3's buckets .* positions in order/),
  });
});
