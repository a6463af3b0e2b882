import { execFileSync } from "node:child_process";
import { open, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { failure, temporaryFolder } from "./temporary.ts";

/** A file of `header` (its text, or an object) and `dataLength` zero bytes. */
async function fileWith(header: unknown, dataLength = 0, claimedLength?: bigint): Promise<string> {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimedLength ?? BigInt(json.length));
  const path = join(await temporaryFolder(), "x.safetensors");
  await writeFile(path, Buffer.concat([length, json, Buffer.alloc(dataLength)]));
  return path;
}

const entry = (shape: unknown, offsets: unknown, dtype: unknown = "F32") => ({ dtype, shape, data_offsets: offsets });

const names = (count: number) => Array.from({ length: count }, (_, i) => `"${i}":1`).join();

describe("a header that lies is INVALID_CHECKPOINT", () => {
  const cases: [name: string, message: RegExp, header: unknown, dataLength?: number][] = [
    ["no JSON", /Expected JSON in UTF-8 for the header of .*x\.safetensors/, "{oops"],
    ["an empty header", /Expected JSON/, ""],
    ["an array", /Expected a JSON object for the header of .* but received \[1\]/, "[1]"],
    ["null", /Expected a JSON object/, "null"],
    ["nesting too deep", /deeper nesting/, `{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`],
    ["more fields than the limit", /more fields/, `{${names(125_001)}}`],
    ["more tensors than the limit", /at most 25000 tensors/, `{${names(25_001)}}`],
    ["a name past the limit", /at most 1024 characters for a name in/, { ["n".repeat(1025)]: entry([1], [0, 4]) }, 4],
    [
      "a tensor twice",
      /Expected each key once .* "a" twice/,
      '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":1}',
    ],
    ["a field twice", /"shape" twice/, '{"a":{"dtype":"F32","shape":[0],"shape":[0],"data_offsets":[0,0]}}'],
    ["a key twice, once escaped", /Expected each key once/, '{"a":1,"\\u0061":1}'],
    ["metadata that is no strings", /Expected an object of strings for __metadata__/, { __metadata__: { a: 1 } }],
    ["a tensor that is no object", /Expected an object for tensor a in/, { a: 5 }],
    [
      "an unknown dtype",
      /Expected one of .*BF16.* for dtype of tensor a in .* "F33"/,
      { a: entry([1], [0, 4], "F33") },
      4,
    ],
    ["a dtype of Object.prototype", /for dtype of tensor a/, { a: entry([1], [0, 4], "constructor") }, 4],
    ["no shape", /for shape of tensor a in .* received nothing/, { a: entry(undefined, [0, 4]) }, 4],
    ["a negative size", /for shape of tensor a/, { a: entry([-1, -1], [0, 4]) }, 4],
    ["a fractional size", /for shape of tensor a/, { a: entry([0.5, 2], [0, 4]) }, 4],
    ["a rank past the limit", /at most 64 dimensions/, { a: entry(Array(65).fill(1), [0, 4]) }, 4],
    ["a shape past 2^53", /a countable number of bytes/, { a: entry([2 ** 40, 2 ** 40], [0, 4]) }, 4],
    ["part of a byte", /a countable number of bytes/, { a: entry([1], [0, 1], "F4") }, 1],
    ["negative offsets", /for data_offsets of tensor a/, { a: entry([1], [-4, 0]) }, 4],
    ["fractional offsets", /for data_offsets of tensor a/, { a: entry([1], [0.5, 4.5]) }, 8],
    [
      "offsets past 2^53",
      /for data_offsets of tensor a/,
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[9007199254740993,9007199254740994]}}',
    ],
    ["three offsets", /two whole numbers/, { a: entry([1], [0, 4, 8]) }, 8],
    ["begin > end", /Expected begin <= end for data_offsets of tensor a/, { a: entry([1], [4, 0]) }, 4],
    [
      "an end past the file",
      /Expected at most 4 bytes of data for data_offsets of tensor a/,
      { a: entry([2], [0, 8]) },
      4,
    ],
    ["too few bytes", /Expected 8 bytes \(F32 \[2\]\) for data_offsets of tensor a .* 4/, { a: entry([2], [0, 4]) }, 4],
    ["an overlap", /for tensor b in .* byte \d+, an overlap/, { a: entry([2], [0, 8]), b: entry([2], [4, 12]) }, 12],
    ["two names for one range", /an overlap/, { a: entry([1], [0, 4]), b: entry([1], [0, 4]) }, 4],
    ["a hole", /for tensor b in .* a hole/, { a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12],
    ["a hole at the start", /for tensor a in .* a hole/, { a: entry([1], [4, 8]) }, 8],
    ["bytes after the last tensor", /4 bytes after the last one/, { a: entry([1], [0, 4]) }, 8],
  ];
  test.each(cases)("%s", async (_, message, header, dataLength) => {
    const error = await failure(openSafetensors(await fileWith(header, dataLength)));
    expect(error).toEqual({ code: "INVALID_CHECKPOINT", message: expect.stringMatching(message) });
    expect(error.message).toContain("x.safetensors");
  });

  test("a header that is no UTF-8", async () => {
    const path = await fileWith('{"a":1}');
    const file = await open(path, "r+");
    await file.write(Buffer.of(0xff), 0, 1, 10);
    await file.close();
    expect(await failure(openSafetensors(path))).toMatchObject({ code: "INVALID_CHECKPOINT" });
  });

  test("a header longer than the file", async () => {
    const error = await failure(openSafetensors(await fileWith("{}", 0, 3n)));
    expect(error.code).toBe("INVALID_CHECKPOINT");
    expect(error.message).toMatch(/at least 11 bytes, as its header says, .* a file of 10 bytes/);
  });

  test.each([100_000_001n, 2n ** 63n, 2n ** 64n - 1n])("a header of %d bytes", async (length) => {
    const { code, message } = await failure(openSafetensors(await fileWith("{}", 0, length)));
    expect([code, message]).toEqual(["INVALID_CHECKPOINT", expect.stringContaining(`${length} bytes`)]);
  });

  test.each([0, 1, 7])("a file of %d bytes", async (length) => {
    const path = join(await temporaryFolder(), "short.safetensors");
    await writeFile(path, Buffer.alloc(length));
    const { code, message } = await failure(openSafetensors(path));
    expect([code, message]).toEqual(["INVALID_CHECKPOINT", expect.stringContaining(`a file of ${length} bytes`)]);
  });

  test("a Git LFS pointer, with the command that mends it", async () => {
    const path = join(await temporaryFolder(), "model.safetensors");
    await writeFile(path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
    expect((await failure(openSafetensors(path))).message).toContain("git lfs pull");
  });
});

describe("CHECKPOINT_NOT_FOUND", () => {
  test("a missing file", async () => {
    const { code, message } = await failure(openSafetensors("/nowhere/model.safetensors"));
    expect(code).toBe("CHECKPOINT_NOT_FOUND");
    expect(message).toBe("Expected a readable file for /nowhere/model.safetensors but received nothing there.");
  });

  test("a folder, and a dangling link", async () => {
    const folder = await temporaryFolder();
    expect(await failure(openSafetensors(folder))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
    await symlink(join(folder, "gone"), join(folder, "link"));
    expect(await failure(openSafetensors(join(folder, "link")))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  });

  test.skipIf(process.platform === "win32")("a named pipe, without waiting on it", async () => {
    const pipe = join(await temporaryFolder(), "pipe");
    execFileSync("mkfifo", [pipe]);
    expect(await failure(openSafetensors(pipe))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  });
});

test("offsets past 4 GiB, in a sparse file", async () => {
  const big = 5 * 2 ** 30;
  const path = await fileWith({ a: entry([big], [0, big], "U8"), b: entry([2], [big, big + 8]) });
  const { tensors } = await openSafetensors(await grown(path, big + 8));
  const [a, b] = [tensors.get("a")!, tensors.get("b")!];
  expect(b.offset).toBe(a.offset + big);
  expect(b.length).toBe(8);
});

/** `path`, longer by `bytes` that take no space on the disk. */
async function grown(path: string, bytes: number): Promise<string> {
  const file = await open(path);
  const { size } = await file.stat();
  await file.close();
  await truncate(path, size + bytes);
  return path;
}

test("what the format allows: scalars, empty tensors, any order, padding, names like __proto__", async () => {
  const header = `{"b":${JSON.stringify(entry([], [4, 8]))},"__proto__":${JSON.stringify(entry([1], [0, 4]))},
    "c":${JSON.stringify(entry([3, 0], [4, 4]))},"tri[[{\\"cky":${JSON.stringify(entry([2], [8, 9], "F4"))}}   `;
  const { tensors, metadata } = await openSafetensors(await fileWith(header, 9));
  expect(metadata).toEqual({});
  expect([...tensors.keys()].sort()).toEqual(["__proto__", "b", "c", 'tri[[{"cky']);
  expect(tensors.get("c")).toMatchObject({ shape: [3, 0], length: 0 });
});

test("the real path of a link is given", async () => {
  const path = await fileWith({});
  const link = join(await temporaryFolder(), "model.safetensors");
  await symlink(path, link);
  expect((await openSafetensors(link)).file).toBe((await openSafetensors(path)).file);
});

test("property: damaged files are read or refused with INVALID_CHECKPOINT, nothing else", async () => {
  const sound = JSON.stringify({ a: entry([2], [0, 8]), __metadata__: { format: "pt" } });
  const path = await fileWith("{}");
  await fc.assert(
    fc.asyncProperty(fc.nat(sound.length + 15), fc.nat(255), fc.nat(sound.length + 16), async (at, byte, length) => {
      const bytes = Buffer.alloc(8 + sound.length + 8);
      bytes.writeBigUInt64LE(BigInt(sound.length));
      bytes.write(sound, 8);
      bytes[at] = byte;
      await writeFile(path, bytes.subarray(0, length));
      await openSafetensors(path).catch((error) => expect(error).toMatchObject({ code: "INVALID_CHECKPOINT" }));
    }),
    { numRuns: 300 },
  );
});
