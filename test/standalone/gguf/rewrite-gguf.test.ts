import { copyFile, readdir, readFile, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import {
  type GgufTensorToWrite,
  ggufValue,
  readGguf,
  readGgufTensorBytes,
  rewriteGguf,
  writeGguf,
} from "../../../adapters/gguf/index.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";

const golden = (name: string) => fileURLToPath(new URL(`../../golden/gguf/${name}`, import.meta.url));

test.each(["python.gguf", "aligned-128.gguf"])("without changes %s stays the same, byte for byte", async (name) => {
  const copy = join(await temporaryFolder(), "copy.gguf");
  await rewriteGguf(golden(name), copy, {});
  expect(Buffer.compare(await readFile(copy), await readFile(golden(name)))).toBe(0);
});

test("values and tensors are set, added and left out; the others are kept, in their order", async () => {
  const [source, target] = [golden("python.gguf"), join(await temporaryFolder(), "target.gguf")];
  const replaced: GgufTensorToWrite = { name: "f16", type: "F32", shape: [2], data: Float32Array.of(1, 2) };
  const added: GgufTensorToWrite = { name: "new", type: "I8", shape: [3], data: Int8Array.of(1, 2, 3) };
  await rewriteGguf(source, target, {
    metadata: [
      ["one.uint32", ggufValue.uint32(7)],
      ["another", ggufValue.string("value")],
    ],
    tensors: [replaced, added],
    without: (name) => name === "ids" || name.startsWith("list."),
  });
  const [before, after] = [await readGguf(source), await readGguf(target)];
  const keys = [...before.metadata.keys()].filter((key) => !key.startsWith("list."));
  expect([...after.metadata.keys()]).toEqual([...keys, "another"]);
  expect(after.metadata.get("one.uint32")).toEqual({ type: "uint32", value: 7 });
  expect(after.metadata.get("one.int64")).toEqual(before.metadata.get("one.int64"));
  expect([...after.tensors.keys()]).toEqual(["f32", "f16", "bf16", "q8_0", "cube", "new"]);
  expect(after.tensors.get("f16")).toMatchObject({ type: "F32", shape: [2] });
  expect(new Float32Array((await readGgufTensorBytes(after, "f16")).buffer)).toEqual(replaced.data);
  for (const name of ["f32", "bf16", "q8_0", "cube"]) {
    expect(await readGgufTensorBytes(after, name)).toEqual(await readGgufTensorBytes(before, name));
  }
});

test("a tensor of several pieces is copied whole", async () => {
  const folder = await temporaryFolder();
  const [source, target] = [join(folder, "source.gguf"), join(folder, "target.gguf")];
  const data = Uint8Array.from({ length: 40_000_001 }, (_, i) => (i * 2_654_435_761) >>> 24);
  await writeGguf(source, [], [{ name: "a", type: "I8", shape: [data.length], data }]);
  await rewriteGguf(source, target, { metadata: [["k", ggufValue.bool(true)]] });
  const copied = await readGgufTensorBytes(await readGguf(target), "a");
  expect(Buffer.compare(copied, data)).toBe(0);
});

test("the input is replaced only where that was asked for", async () => {
  const folder = await temporaryFolder();
  const [file, link] = [join(folder, "x.gguf"), join(folder, "link.gguf")];
  await copyFile(golden("python.gguf"), file);
  await symlink(file, link);
  const changes = { metadata: [["k", ggufValue.bool(true)]] } as const;
  for (const target of [file, link]) {
    expect(await failure(rewriteGguf(file, target, changes))).toEqual({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/another file than the input .*`inPlace`/),
    });
  }
  expect(Buffer.compare(await readFile(file), await readFile(golden("python.gguf")))).toBe(0);
  await rewriteGguf(link, link, changes, { inPlace: true });
  expect((await readGguf(file)).metadata.get("k")).toEqual({ type: "bool", value: true });
  expect(await readlink(link)).toBe(file);
  expect((await readdir(folder)).sort()).toEqual(["link.gguf", "x.gguf"]);
});

test("a bad change leaves no file", async () => {
  const folder = await temporaryFolder();
  const bad = { tensors: [{ name: "f32", type: "F32", shape: [3], data: new Float32Array(2) }] } as const;
  const error = await failure(rewriteGguf(golden("python.gguf"), join(folder, "x.gguf"), bad));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
  expect(await readdir(folder)).toEqual([]);
});
