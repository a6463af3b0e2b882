import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readGguf, rewriteGguf } from "../../../adapters/gguf/index.ts";
import { checkSwap, swapVit } from "../../../adapters/vit-swap/index.ts";
import { failure, temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { contentsOf } from "./contents-of.ts";
import { families } from "./pictures.ts";

/** A tower with rotary positions in the place of an mmproj's own, against the files of llama.cpp's own converter. */

const golden = (...names: string[]) => join(import.meta.dirname, ...names);
const isTower = (name: string) => /^v\.(blk|patch_embd|position_embd|pre_ln)\./.test(name);

/** The mmproj with zeros for its tower. */
async function emptied(mmproj: string): Promise<string> {
  const out = join(await temporaryFolder(), "mmproj.gguf");
  const { tensors } = await readGguf(mmproj);
  const zeros = [...tensors.values()]
    .filter(({ name }) => isTower(name))
    .map(({ name, type, shape, length }) => ({ name, type, shape, data: new Uint8Array(length) }));
  await rewriteGguf(mmproj, out, { tensors: zeros });
  return out;
}

/** Swaps take no tower of these: LLaVA's has a class token, which llama.cpp mends in no file; those of GLM and LightOnOCR are not written yet. */
const NOT_SWAPPED = ["llava", "glm4v", "glm_ocr", "lighton_ocr"];

const files = families
  .filter((name) => !NOT_SWAPPED.includes(name))
  .flatMap((name) => (["f32", "f16"] as const).map((dtype) => ({ name, dtype })));

describe.each(files)("$name in $dtype", ({ name, dtype }) => {
  it("is the converter's file again, every tensor to the bit", async () => {
    const original = golden(name, `mmproj-${dtype}.gguf`);
    const target = await emptied(original);
    expect((await contentsOf(target)).tensors).not.toEqual((await contentsOf(original)).tensors);
    const out = join(await temporaryFolder(), "swapped.gguf");
    const report = await swapVit(target, golden(name), out);
    expect(report).toMatchObject({ kind: "mmproj", dtype: dtype.toUpperCase(), mismatches: [], refused: [] });
    expect(await contentsOf(out)).toEqual(await contentsOf(original));
  });
});

describe("what differs", () => {
  it.each(NOT_SWAPPED)("%s is refused by name", async (name) => {
    const mmproj = golden(name, "mmproj-f32.gguf");
    const { code, message } = await failure(swapVit(mmproj, golden(name), join(await temporaryFolder(), "out.gguf")));
    expect(code).toBe("UNSUPPORTED");
    expect(message).toMatch(name === "llava" ? /class token/ : /received "(glm4v|lightonocr)"/);
  });

  it("an F32 encoder in an F16 file needs float F16", async () => {
    const [f16, f32] = [golden("pixtral", "mmproj-f16.gguf"), golden("pixtral", "mmproj-f32.gguf")];
    const { refused } = await checkSwap(f16, f32, "out.gguf");
    expect(refused.map(({ fact, allowable }) => ({ fact, allowable }))).toEqual([{ fact: "dtype", allowable: true }]);
    expect(await checkSwap(f16, f32, "out.gguf", { float: "F16" })).toMatchObject({ refused: [] });
  });

  it.each([
    ["qwen2_vl", "qwen3_vl", "rows of the position table: 0 wanted, 64 given"],
    ["qwen2_vl", "qwen2_5_vl", "depth (blocks): 3 wanted, 4 given"],
    ["pixtral", "mistral3", "patch size (pixels): 16 wanted, 14 given"],
    ["qwen2_vl", "pixtral", "frames of a patch: 2"],
  ])("a %s takes no tower of a %s", async (model, encoder, said) => {
    const out = join(await temporaryFolder(), "out.gguf");
    const { code, message } = await failure(swapVit(golden(model, "mmproj-f32.gguf"), golden(encoder), out));
    expect(code).toBe("INCOMPATIBLE");
    expect(message).toContain(said);
  });

  it("a file of another type, and itself as the output", async () => {
    const idefics3 = golden("../mmproj/idefics3-f32.gguf");
    const other = await failure(checkSwap(idefics3, golden("pixtral"), "out.gguf"));
    expect(other).toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("idefics3") });
    const own = golden("pixtral", "mmproj-f32.gguf");
    expect(await failure(checkSwap(own, golden("pixtral"), own))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
