import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readGguf } from "../../../adapters/gguf/index.ts";
import { checkSwap, swapVit } from "../../../adapters/vit-swap/index.ts";
import { failure, temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { contentsOf } from "./contents-of.ts";

/** The mmproj of a Qwen-VL's tower and merger against that of llama.cpp's own converter (make_two_files.py). */
const families = {
  qwen2_vl: "qwen2vl_merger",
  qwen2_5_vl: "qwen2.5vl_merger",
  qwen3_vl: "qwen3vl_merger",
} as const;
const golden = (name: string) => join(import.meta.dirname, name);

describe.each(Object.entries(families))("%s", (name, type) => {
  it("every tensor to the bit, and every key of the converter's", async () => {
    const out = join(await temporaryFolder(), "mmproj.gguf");
    const report = await swapVit(golden(name), golden(name), out, { float: "F32" });
    expect(report).toMatchObject({ kind: "new mmproj", projectorType: type, refused: [], words: null });
    const [ours, theirs] = [await contentsOf(out), await contentsOf(join(golden(name), "mmproj-f32.gguf"))];
    expect(ours.tensors).toEqual(theirs.tensors);
    // The converter takes the language model's width for that of Qwen2-VL's MLPs. llama.cpp reads the tensors'.
    if (name === "qwen2_vl") theirs.keys["clip.vision.feed_forward_length"] = { type: "uint32", value: 48 };
    expect(ours.keys).toMatchObject(theirs.keys);
  });

  it("in F16 the large tensors are", async () => {
    const out = join(await temporaryFolder(), "mmproj.gguf");
    await swapVit(golden(name), golden(name), out);
    const { tensors } = await readGguf(out);
    expect(tensors.get("v.patch_embd.weight.1")?.type).toBe("F16");
    expect(tensors.get("v.blk.0.ln1.weight")?.type).toBe("F32");
  });
});

describe("is refused", () => {
  it("what llama.cpp's graph computes otherwise", async () => {
    // Windows of 16 pixels, full attention in block 1 of 0, 1, 2.
    const folder = join(import.meta.dirname, "../qwen-vl/qwen2-5-vl");
    const { code, message } = await failure(checkSwap(folder, folder, "out.gguf"));
    expect(code).toBe("UNSUPPORTED");
    expect(message).toContain("windows of 112 pixels");
  });

  it("a tower that the merger does not fit", async () => {
    const other = await failure(
      checkSwap(golden("qwen3_vl"), join(import.meta.dirname, "../pixtral/pixtral"), "out.gguf"),
    );
    expect(other).toMatchObject({ code: "INCOMPATIBLE", message: expect.stringContaining("cells of 2 x 2") });
  });

  it("a folder to put it into", async () => {
    const { code, message } = await failure(checkSwap(golden("qwen2_vl"), golden("qwen2_vl"), "out"));
    expect(code).toBe("UNSUPPORTED");
    expect(message).toContain(".gguf");
  });
});
