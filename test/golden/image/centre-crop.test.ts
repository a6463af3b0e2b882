import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type CentreCrop, centreCrop } from "../../../sdk/index.ts";
import { pattern, readCases } from "./fixtures.ts";

interface CropCase {
  readonly width: number;
  readonly height: number;
  readonly size: number;
  readonly adm: string;
  readonly pil: string;
}
const cases = readCases<CropCase[]>("crops.json");
const CONVENTIONS: readonly CentreCrop[] = ["adm", "pil"];

describe.each(CONVENTIONS)("%s crops are Pillow's", (convention) => {
  it.each(cases)("$width x $height to $size", ({ width, height, size, ...digests }) => {
    const crop = centreCrop(pattern("mixed", width, height), size, convention);
    expect([crop.width, crop.height]).toEqual([size, size]);
    expect(createHash("sha256").update(crop.data).digest("hex")).toBe(digests[convention]);
  });
});

it("the two conventions differ, also on one image", () => {
  expect(cases.some(({ adm, pil }) => adm !== pil)).toBe(true);
});

it.each([
  [0, "adm", /an integer > 0 for the size of a centre crop but received 0/],
  [8.5, "pil", /an integer > 0/],
  [8, "imagenet", /"adm" or "pil" for the convention of a centre crop but received "imagenet"/],
])("refuses size %s of %s", (size, convention, message) => {
  expect(() => centreCrop(pattern("mixed", 9, 9), size, convention as CentreCrop)).toThrow(message);
});
