import { readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { atEachCall, withFault } from "../../helpers/faulty-fs.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";
import { golden } from "../runtime/fixtures/tiny.ts";

vi.mock("node:fs/promises", async (original) => {
  const { faultyFs } = await import("../../helpers/faulty-fs.ts");
  return faultyFs(await original());
});
const { projectorOf } = await import("../../../sdk/families/projector/load-projector.ts");
const { openCheckpoint } = await import("../../../sdk/families/checkpoint.ts");
const { readModel } = await import("../../../sdk/families/read-model.ts");
const { madeWeights, makePlace } = await import("../../../sdk/runtime/made-weights/made-files.ts");
const { WeightsCache } = await import("../../../sdk/runtime/made-weights/weights-cache.ts");
const { isWeightDtype } = await import("../../../sdk/weights/dtypes.ts");
const { narrowBF16 } = await import("../../../sdk/weights/half.ts");
const { CHECKED, noteChecked, wasChecked } = await import("../../../sdk/weights/made/checked-note.ts");
const { widenedBytes, widenedForm } = await import("../../../sdk/weights/made/float-form.ts");
const { placeOf } = await import("../../../sdk/weights/made/floats.ts");
const { openTensors } = await import("../../../sdk/weights/open-tensors.ts");
const { floatPieces, readTensor } = await import("../../../sdk/weights/read-tensor.ts");
const { writeSafetensors } = await import("../../../sdk/weights/safetensors/write-safetensors.ts");
const { openTorchFile } = await import("../../../sdk/weights/torch-zip/open-torch-file.ts");

type Floats = import("../../../sdk/weights/made/floats.ts").Floats;
type TensorRef = import("../../../sdk/weights/tensor-ref.ts").TensorRef;

afterEach(() => withFault(null));
const nothing = () => {};

/** The bits of all numbers: NaN and signs of zero count. */
const bits = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** All weights of a checkpoint that are stored in 16 bits. */
async function halves(path: string): Promise<TensorRef[]> {
  const tensors = path.endsWith(".pt") ? (await openTorchFile(path)).tensors : await tensorsOf(path);
  return [...tensors.values()].flatMap((tensor) => {
    const { dtype } = tensor;
    return isWeightDtype(dtype) && dtype !== "F32" ? [{ ...tensor, dtype }] : [];
  });
}
const tensorsOf = async (path: string) =>
  path.endsWith(".gguf") ? (await openCheckpoint(path)).tensors() : openTensors(path);

describe("16-bit weights widened into a file", () => {
  test.each(["checkpoint/vit-bf16", "checkpoint/vit-f16", "mmproj/idefics3-f16.gguf", "torch-zip/plain.pt"])(
    "of %s are to the bit what they are in place",
    async (name) => {
      const weights = await halves(golden(name));
      expect(weights.length).toBeGreaterThan(0);
      const cache = new WeightsCache(await temporaryFolder(), widenedForm);
      const floats = (await cache.make(weights, nothing)) as Floats;
      for (const ref of weights) {
        const twin = floats.get(placeOf(ref))!;
        expect(twin.dtype).toBe("F32");
        expect(bits(await readTensor(twin)).equals(bits(await readTensor(ref))), ref.name).toBe(true);
      }
    },
  );

  test("of an mmproj are those of its tower and of its projector", async () => {
    const file = golden("mmproj/idefics3-f16.gguf");
    const tower = (await readModel(file)).weights.encoder;
    const projector = await projectorOf(await openCheckpoint(file));
    expect(widenedBytes(tower) + widenedBytes(projector)).toBe(
      (await halves(file)).reduce((sum, { length }) => sum + 2 * length, 0),
    );
  });

  test("come in pieces, the same numbers as whole", async () => {
    const folder = await temporaryFolder();
    const values = Float32Array.from({ length: 5_000_001 }, (_, i) => Math.sin(i));
    const data = { BF16: narrowBF16(values), F32: values };
    for (const [dtype, own] of Object.entries(data) as ["BF16" | "F32", ArrayBufferView][]) {
      await writeSafetensors(join(folder, "model.safetensors"), [
        { name: "a", dtype, shape: [values.length], data: own },
      ]);
      const ref = { ...(await openTensors(folder)).get("a")!, dtype };
      const pieces: Buffer[] = [];
      for await (const piece of floatPieces(ref)) pieces.push(bits(piece));
      expect(pieces.length).toBeGreaterThan(2);
      expect(Buffer.concat(pieces).equals(bits(await readTensor(ref)))).toBe(true);
    }
  });

  test("a disk that fails at any call is IO_ERROR of the folder, or does not matter, and leaves no part", async () => {
    const weights = await halves(golden("checkpoint/vit-bf16"));
    let failed = 0;
    const work = async (folder: string) => new WeightsCache(folder, widenedForm).make(weights, nothing);
    for (const code of ["ENOSPC", "EIO"] as const) {
      let folder = "";
      const calls = await atEachCall(
        code,
        async () => (folder = await temporaryFolder()),
        () => work(folder),
        async (outcome, folder) => {
          if (outcome !== null) expect(outcome).toMatchObject({ code: "IO_ERROR", path: folder });
          if (outcome !== null) failed += 1;
          expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
        },
      );
      expect(calls).toBeGreaterThan(10);
    }
    expect(failed).toBeGreaterThan(10);
  }, 120_000);
});

describe("the note that a file was checked", () => {
  async function file() {
    const path = join(await temporaryFolder(), "made");
    await writeFile(path, "one");
    let checks = 0;
    const check = () => noteChecked(path, async () => ++checks);
    return { path, check };
  }

  test("holds until something touches the file, whatever date it is given then", async () => {
    const { path, check } = await file();
    expect(await wasChecked(path)).toBe(false);
    await check();
    expect(await wasChecked(path)).toBe(true);
    const { atime, mtime } = await stat(path);
    await writeFile(path, "two");
    await utimes(path, atime, mtime);
    expect(await wasChecked(path)).toBe(false);
    await check();
    expect(await wasChecked(path)).toBe(true);
  });

  test("holds for a week, and not in the future", async () => {
    const { path, check } = await file();
    await check();
    const [identity] = (await readFile(path + CHECKED, "utf8")).split("\n");
    const day = 86_400_000;
    for (const [time, holds] of [
      [Date.now() - 6 * day, true],
      [Date.now() - 8 * day, false],
      [Date.now() + day, false],
      ["soon", false],
    ] as const) {
      await writeFile(path + CHECKED, `${identity}\n${time}`);
      expect(await wasChecked(path), String(time)).toBe(holds);
    }
    await writeFile(path + CHECKED, "x".repeat(10_000));
    expect(await wasChecked(path)).toBe(false);
  });

  test("is not made of a file that is bad, or that changes meanwhile", async () => {
    const { path } = await file();
    expect(await noteChecked(path, async () => null)).toBeNull();
    expect(await noteChecked(path, () => writeFile(path, "two").then(() => 1))).toBe(1);
    expect(await noteChecked(join(path, "gone"), async () => 1)).toBe(1);
    expect(await readdir(join(path, ".."))).toEqual(["made"]);
  });
});

test("what was unused the longest makes place, and what is new stays", async () => {
  const folder = await temporaryFolder();
  const names = ["a", "b", "c"].map((letter) => `${letter.repeat(64)}.safetensors`);
  for (const [age, name] of names.entries()) {
    const path = join(folder, name);
    await writeFile(path, new Uint8Array(1000));
    await writeFile(path + CHECKED, "");
    await utimes(path, new Date(2020, 0, 30 - age), new Date(2020, 0, 30 - age));
  }
  // The oldest was opened a moment ago, by what remembers its source.
  await writeFile(join(folder, `${"0".repeat(64)}.key`), "c".repeat(64));
  await sleep(10);
  await makePlace(folder, 1000, 4000);
  expect(await madeWeights(folder)).toHaveLength(3);
  await makePlace(folder, 1000, 3000);
  expect((await readdir(folder)).sort()).toEqual(
    [`${"0".repeat(64)}.key`, names[0]!, names[0]! + CHECKED, names[2]!, names[2]! + CHECKED].sort(),
  );
  await makePlace(folder, 10_000, 3000);
  expect(await readdir(folder)).toEqual([]);
});
