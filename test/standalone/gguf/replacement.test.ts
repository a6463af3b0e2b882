import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  type GgufTensorToWrite,
  type GgufValue,
  ggufValue,
  streamGguf,
  writeGguf,
} from "../../../adapters/gguf/index.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";

const f32 = (name: string, ...values: number[]): GgufTensorToWrite => ({
  name,
  type: "F32",
  shape: [values.length],
  data: Float32Array.from(values),
});

test("an old file is replaced, and nothing else is left in the folder", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "x.gguf"), "old");
  await writeGguf(join(folder, "x.gguf"), [], [f32("a", 1)]);
  expect(await readdir(folder)).toEqual(["x.gguf"]);
  expect((await readFile(join(folder, "x.gguf"), "latin1")).slice(0, 4)).toBe("GGUF");
});

test("a write that is killed leaves the old file", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "x.gguf"), "old");
  const writer = fileURLToPath(new URL("endless-write.ts", import.meta.url));
  const child = spawn(process.execPath, [writer, join(folder, "x.gguf")], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data"); // it has written the first half
  child.kill("SIGKILL");
  await once(child, "close");
  expect(await readFile(join(folder, "x.gguf"), "utf8")).toBe("old");
  const left = (await readdir(folder)).filter((name) => name !== "x.gguf");
  expect(left).toEqual([expect.stringMatching(/^\.x\.gguf\..*\.tmp$/)]);
});

describe("INVALID_ARGUMENT, and no file is left", () => {
  const bad = {
    "a tensor twice": [/a name of its own .* "a"/, [], [f32("a", 1), f32("a", 2)]],
    "a key twice": [
      /a key of its own .* "k"/,
      [
        ["k", ggufValue.uint32(1)],
        ["k", ggufValue.uint32(2)],
      ],
      [],
    ],
    "too little data": [
      /Expected 8 bytes for tensor a \(F32 \[2\]\) but received 4/,
      [],
      [{ ...f32("a", 1), shape: [2] }],
    ],
    "too much data": [/Expected 4 bytes for tensor a .* received more/, [], [{ ...f32("a", 1, 2), shape: [1] }]],
    "a negative size": [/a countable shape/, [], [{ ...f32("a", 1), shape: [-1] }]],
    "five dimensions": [/at most 4 dimensions/, [], [{ ...f32("a", 1), shape: [1, 1, 1, 1, 1] }]],
    "half a block": [/rows of a multiple of 32/, [], [{ ...f32("a", 1), type: "Q8_0", shape: [16] }]],
    "an unknown type": [/for type of tensor a but received "F8"/, [], [{ ...f32("a", 1), type: "F8" as "F32" }]],
    "a long name": [/at most 63 bytes/, [], [f32("ä".repeat(32), 1)]],
    "half a character": [/well-formed text/, [["k", ggufValue.string("\ud800")]], []],
    "a value of another type": [
      /true or false \(bool\) for the value of k/,
      [["k", { type: "bool", value: 1 as never }]],
      [],
    ],
    "a value that does not fit": [/0 to 4294967295 \(uint32\)/, [["k", ggufValue.uint32(-1)]], []],
    "a fraction": [/a whole number .* received 0.5/, [["k", ggufValue.int32s([1, 0.5])]], []],
    "an unknown value type": [/one of uint8/, [["k", { type: "float16", value: 1 } as never]], []],
    "an odd alignment": [/power of two/, [["general.alignment", ggufValue.uint32(48)]], []],
  } satisfies Record<string, [RegExp, [string, GgufValue][], GgufTensorToWrite[]]>;

  test.each(Object.entries(bad))("%s", async (_, [message, metadata, tensors]) => {
    const folder = await temporaryFolder();
    const error = await failure(writeGguf(join(folder, "x.gguf"), metadata as [string, GgufValue][], tensors));
    expect(error).toEqual({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
    expect(await readdir(folder)).toEqual([]);
  });

  test("a tensor that was left out or written twice", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "x.gguf");
    const a = f32("a", 1);
    const out = await failure(streamGguf(path, [], [a], async () => {}));
    expect(out.message).toMatch(/Expected data for tensor a but received none/);
    const twice = await failure(
      streamGguf(path, [], [a], async (write) => {
        await write("a", a.data);
        await write("a", a.data);
      }),
    );
    expect(twice.message).toMatch(/still to be written/);
    expect(await readdir(folder)).toEqual([]);
  });

  test("a folder in the way", async () => {
    const folder = await temporaryFolder();
    expect(await failure(writeGguf(folder, [], [f32("a", 1)]))).toMatchObject({ code: "IO_ERROR" });
    expect(await readdir(folder)).toEqual([]);
  });
});
