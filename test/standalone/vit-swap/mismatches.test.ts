import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type GgufChanges, ggufValue, readGguf } from "../../../adapters/gguf/index.ts";
import { checkSwap, swapVit, type TowerFact } from "../../../adapters/vit-swap/index.ts";
import { rewritten } from "../../golden/projector/rewritten.ts";
import { temporaryFolder, writeJson } from "../checkpoint/temporary.ts";
import { encoder, llavaFull, mmproj, refusal, vlm } from "./fixtures.ts";

const { uint32, float32, float32s, bool } = ggufValue;
const set = (key: string, value: ReturnType<typeof uint32>): GgufChanges => ({
  metadata: [[`clip.vision.${key}`, value]],
});
const add = (name: string, size = 16): GgufChanges => ({
  tensors: [{ name, type: "F32", shape: [size], data: new Float32Array(size) }],
});
const leaveOut = (name: string): GgufChanges => ({ without: (other) => other === name });

describe("an mmproj's tower against an encoder", () => {
  const differences: Partial<Record<TowerFact, [changes: GgufChanges, wanted: unknown, given: unknown]>> = {
    width: [set("embedding_length", uint32(32)), 32, 16],
    mlpWidth: [set("feed_forward_length", uint32(64)), 64, 24],
    depth: [set("block_count", uint32(2)), 2, 3],
    heads: [set("attention.head_count", uint32(4)), 4, 2],
    patch: [set("patch_size", uint32(8)), 8, 4],
    imageSize: [set("image_size", uint32(32)), 32, 16],
    tokens: [set("image_size", uint32(32)), 64, 16],
    positions: [
      { tensors: [{ name: "v.position_embd.weight", type: "F32", shape: [9, 16], data: new Float32Array(144) }] },
      9,
      16,
    ],
    patchBias: [leaveOut("v.patch_embd.bias"), false, true],
    firstNorm: [add("v.pre_ln.weight"), true, false],
    norms: [leaveOut("v.blk.0.ln1.bias"), "RMSNorm", "LayerNorm"],
    epsilon: [set("attention.layer_norm_epsilon", float32(1e-5)), Math.fround(1e-5), 1e-6],
    finalNorm: [leaveOut("v.post_ln.weight"), false, undefined],
    qkNorm: [add("v.blk.0.attn_q_norm.weight"), true, false],
    qkvBias: [leaveOut("v.blk.0.attn_q.bias"), false, true],
    layerScale: [add("v.blk.0.ls1.weight"), true, false],
    activation: [{ metadata: [["clip.use_gelu", bool(false)]] }, "quick_gelu", "gelu"],
    layer: [set("block_count", uint32(2)), [2], undefined],
    mean: [set("image_mean", float32s([0.1, 0.2, 0.3])), [0.1, 0.2, 0.3].map(Math.fround), [0.5, 0.5, 0.5]],
    std: [set("image_std", float32s([0.1, 0.2, 0.3])), [0.1, 0.2, 0.3].map(Math.fround), [0.5, 0.5, 0.5]],
  };
  // An encoder alone has no features of its own: it gives what the model takes.
  const { finalNorm: _, layer: __, ...named } = differences;

  test.each(Object.entries(named))("%s", async (fact, [changes, wanted, given]) => {
    const model = await mmproj(vlm("gemma3"), vlm("gemma3"), { changes });
    const { mismatches, refused } = await checkSwap(model, encoder("gemma3"), join(model, "..", "out.gguf"));
    expect(mismatches).toContainEqual(expect.objectContaining({ fact, wanted, given }));
    expect(refused).toEqual(mismatches);
    const error = await refusal(model, encoder("gemma3"), "out.gguf");
    expect(error.code).toBe("INCOMPATIBLE");
    for (const { name } of mismatches) expect(error.message).toContain(name);
  });

  test("all of them are named at once, and what is allowed is written", async () => {
    const changes = {
      metadata: [...named.heads![0].metadata!, ...named.epsilon![0].metadata!, ...named.mean![0].metadata!],
    };
    const model = await mmproj(vlm("gemma3"), vlm("gemma3"), { changes });
    const out = join(model, "..", "out.gguf");
    expect((await refusal(model, encoder("gemma3"), "x.gguf", { allow: ["heads"] })).message).toMatch(
      /epsilon of the norms: .* mean of the pixels: .* allow epsilon, mean\.$/,
    );
    const { mismatches, refused } = await swapVit(model, encoder("gemma3"), out, {
      allow: ["heads", "epsilon", "mean"],
    });
    expect([mismatches.map(({ fact }) => fact), refused]).toEqual([["heads", "epsilon", "mean"], []]);
    const { metadata } = await readGguf(out);
    expect(metadata.get("clip.vision.attention.head_count")!.value).toBe(2);
    expect(metadata.get("clip.vision.image_mean")!.value).toEqual([0.5, 0.5, 0.5]);
  });

  test("another width cannot be allowed", async () => {
    const model = await mmproj(vlm("gemma3"), vlm("gemma3"), { changes: named.width![0] });
    const error = await refusal(model, encoder("gemma3"), "out.gguf", { allow: ["width"] });
    expect(error.message).toMatch(/width \(numbers a token\): 32 wanted, 16 given\. Take an encoder that/);
  });

  test("weights are rounded only where that is asked for", async () => {
    const model = await mmproj(vlm("gemma3"), vlm("gemma3"), { float: "F16" });
    const out = join(model, "..", "out.gguf");
    const { message } = await refusal(model, encoder("gemma3"), "out.gguf");
    expect(message).toMatch(/type of the weights: F16 wanted, F32 given\. .* allow dtype\.$/);
    for (const [options, type] of [
      [{ allow: ["dtype"] }, "F16"],
      [{ float: "F16" }, "F16"],
      [{ float: "F32" }, "F32"],
    ] as const) {
      await swapVit(model, encoder("gemma3"), out, options);
      const { tensors } = await readGguf(out);
      expect(tensors.get("v.blk.0.attn_q.weight")!.type).toBe(type);
      expect(tensors.get("v.blk.0.attn_q.bias")!.type).toBe("F32");
    }
  });
});

describe("what a VQRAE's config.json says of its features", () => {
  /** A VQRAE whose encoder is SigLIP's: nothing but what the comparison reads of it is of interest. */
  test("is compared with what the model takes", async () => {
    const tiny = join(import.meta.dirname, "../../golden/graph/vqrae-two-layers");
    const { features } = JSON.parse(await readFile(join(tiny, "config.json"), "utf8"));
    const model = await mmproj(vlm("internvl"));
    const { mismatches } = await checkSwap(model, tiny, join(model, "..", "out.gguf"));
    const facts = new Map(mismatches.map((mismatch) => [mismatch.fact, mismatch]));
    expect(facts.get("finalNorm")).toMatchObject({ wanted: false, given: features.postNorm });
    expect(facts.get("layer")?.given ?? [3]).not.toEqual([-1]); // counted from the start
    expect(facts.get("layerScale")).toMatchObject({ wanted: true, given: false });
  });
});

describe("the block that features come from", () => {
  test("is the file's for the graph that can stop early, or the caller's", async () => {
    const model = await mmproj(encoder("gemma3"), await llavaFull(-2), { type: "mlp" });
    const out = join(model, "..", "out.gguf");
    expect(await swapVit(model, encoder("gemma3"), out)).toMatchObject({
      layers: [2],
      finalNorm: false,
      mismatches: [],
    });
    expect((await readGguf(out)).metadata.get("clip.vision.feature_layer")!.value).toEqual([2]);
    expect((await refusal(model, encoder("gemma3"), "x.gguf", { layer: 3 })).message).toMatch(
      /layer .*: 2 wanted, 3 given/,
    );
    expect(await swapVit(model, encoder("gemma3"), out, { layer: -1, allow: ["layer"] })).toMatchObject({
      layers: [3],
    });
  });

  test("is asked for where a file of that graph leaves it open", async () => {
    const changes = leaveOut("clip.vision.feature_layer");
    const model = await mmproj(encoder("gemma3"), await llavaFull(-2), { type: "mlp", changes });
    const { code, message } = await refusal(model, encoder("gemma3"), "x.gguf");
    expect([code, message]).toEqual([
      "INVALID_ARGUMENT",
      expect.stringMatching(/leaves the block open.*Say with `layer`/),
    ]);
    const out = join(model, "..", "out.gguf");
    expect(await swapVit(model, encoder("gemma3"), out, { layer: -2 })).toMatchObject({ layers: [2], mismatches: [] });
  });

  test("several stay several", async () => {
    const layers = await rewritten(
      "llava-1.5-layers",
      (tensor) => tensor,
      (config) => ({
        ...config,
        vision_feature_select_strategy: "full",
        projector_hidden_act: "gelu",
      }),
    );
    const model = await mmproj(encoder("gemma3"), layers, { type: "mlp" });
    const out = join(model, "..", "out.gguf");
    expect(await swapVit(model, encoder("gemma3"), out)).toMatchObject({ layers: [1, 2] });
    const { code, message } = await refusal(model, encoder("gemma3"), "x.gguf", { layer: 2, allow: ["layer"] });
    expect([code, message]).toEqual(["INCOMPATIBLE", expect.stringContaining("1, 2 wanted, 2 given")]);
  });
});

test("a checkpoint's config.json stays, so all that it says must agree", async () => {
  const folder = await temporaryFolder();
  const config = JSON.parse(await readFile(join(encoder("gemma3"), "config.json"), "utf8"));
  await writeJson(folder, "config.json", { ...config, num_attention_heads: 4, layer_norm_eps: 1e-5 });
  const { copyFile } = await import("node:fs/promises");
  await copyFile(join(encoder("gemma3"), "model.safetensors"), join(folder, "model.safetensors"));
  const { code, message } = await refusal(vlm("gemma3"), folder, "out", { allow: ["heads", "epsilon"] });
  expect([code, message]).toEqual([
    "INCOMPATIBLE",
    expect.stringMatching(/attention heads: 2 wanted, 4 given; epsilon of the norms: 0.000001 wanted, 0.00001 given/),
  ]);
});
