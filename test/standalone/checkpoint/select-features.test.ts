import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { VQRAE } from "../../../sdk/index.ts";

const golden = (name: string) => join(import.meta.dirname, "../../golden/checkpoint", name);

describe("features that a caller selects", () => {
  test.each([
    ["vit", {}, { layer: 3, postNorm: true }],
    ["vit", { layer: -2 }, { layer: 2, postNorm: false }],
    ["vit", { layer: -1 }, { layer: 3, postNorm: true }],
    ["vit", { layer: 1, postNorm: true }, { layer: 1, postNorm: true }],
    ["vit", { postNorm: false }, { layer: 3, postNorm: false }],
    ["clip", {}, { layer: 3, postNorm: false }],
    ["clip", { postNorm: true }, { layer: 3, postNorm: true }],
    ["internvl", { layer: -1 }, { layer: 3, postNorm: false }],
  ])("%s with %j", async (name, asked, features) => {
    expect((await readModel(golden(name))).selectFeatures(asked).tower?.features).toEqual(features);
  });

  test.each([
    [{ layer: 0 }, /Expected a block from 1 to 3 or from -3 to -1 for features\.layer of internvl but received 0/],
    [{ layer: 4 }, /received 4/],
    [{ layer: -4 }, /received -4/],
    [{ postNorm: true }, /Expected false for features\.postNorm of internvl, which has no final norm/],
    [{ layer: 1.5 }, /option "features" of VQRAE\.load/],
    [{ depth: 1 }, /option "features" of VQRAE\.load/],
  ])("internvl with %j is INVALID_ARGUMENT", async (features, message) => {
    const error = await VQRAE.load(golden("internvl"), { features } as never).then(null, (e: unknown) => e);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  });

  test("reach encode", async () => {
    const image = { data: new Uint8Array(12 * 12 * 3).fill(77), width: 12, height: 12 };
    await using last = await VQRAE.load(golden("vit"), { threads: 1 });
    await using first = await VQRAE.load(golden("vit"), { threads: 1, features: { layer: 1 } });
    const [a, b] = [await last.encode(image), await first.encode(image)];
    expect(a.features).not.toEqual(b.features);
  });
});
