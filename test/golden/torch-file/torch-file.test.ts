import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { torchFile } from "../../../adapters/openai-client/index.ts";

/** Files of torch 2.13 itself: make_torch_files.py. */
const values = Float32Array.from({ length: 800 }, (_, i) => Math.fround(i - 400) / 7);
const files = {
  f32: torchFile(values, [2, 400]),
  f16: torchFile(values, [2, 400], "f16"),
  bf16: torchFile(values, [2, 400], "bf16"),
  i64: torchFile(BigInt64Array.of(1n, 46n, 66n), [3]),
};

/** torch's own last record, which it makes of the checksums of the others; readers pass it over. */
const OWN_ID = "archive/.data/serialization_id";

describe("a tensor as torch saves it", () => {
  it.each(Object.entries(files))(
    "%s: the bytes of every record, and where each lies, are torch's",
    async (name, ours) => {
      const torch = await readFile(join(import.meta.dirname, `${name}.pt`));
      const records = torch.indexOf(OWN_ID) - 30;
      expect(Buffer.from(ours.subarray(0, records)).equals(torch.subarray(0, records))).toBe(true);
      const directory = torch.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
      const ownEntry = torch.lastIndexOf(OWN_ID) - 46;
      expect(Buffer.from(ours.subarray(records, records + ownEntry - directory))).toEqual(
        torch.subarray(directory, ownEntry),
      );
    },
  );

  it("the numbers begin at a multiple of 64 bytes", () => {
    const start = Buffer.from(files.f32).indexOf(Buffer.from(values.buffer));
    expect([start > 0, start % 64]).toEqual([true, 0]);
  });

  it.runIf(process.env.TORCH_FILES)("leaves its files for torch.load to read", async () => {
    const folder = process.env.TORCH_FILES ?? "";
    await mkdir(folder, { recursive: true });
    const large = torchFile(new Float32Array(90_000), [300, 300]);
    for (const [name, file] of Object.entries({ ...files, large })) await writeFile(join(folder, `${name}.pt`), file);
  });

  it.each([[[2, 3]], [[]], [[-2, -400]], [[1.5]]])("the shape %j, of another count, is refused", (shape) => {
    expect(() => torchFile(values, shape)).toThrow(/a shape of 800 numbers for torchFile/);
  });
});
