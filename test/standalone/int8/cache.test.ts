import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { VQRAE } from "../../../sdk/index.ts";
import type { VitSpec } from "../../../sdk/nn/vit/vit-spec.ts";
import { makeInt8 } from "../../../sdk/runtime/made-weights/make-weights.ts";
import { WeightsCache } from "../../../sdk/runtime/made-weights/weights-cache.ts";
import { int8Form } from "../../../sdk/weights/int8/int8-file.ts";
import { contentKey, filesKey } from "../../../sdk/weights/made/content-key.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";
import { writeTinyVqrae } from "../checkpoint/tiny-vqrae.ts";
import { picture, tinyEncoder, tinyVqrae } from "../runtime/fixtures/tiny.ts";

const nothing = () => {};
/** A tree without what tells a file from another one in its place. */
const plain = (tree: object | null): unknown =>
  JSON.parse(JSON.stringify(tree, (key, value) => (key === "identity" ? undefined : value)));
const encoderOf = async (folder: string): Promise<VitSpec> => (await readModel(folder)).tower!.spec;
const int8Files = async (folder: string) => (await readdir(folder)).filter((name) => name.endsWith(".safetensors"));

/** A copy of the tiny encoder whose weights may be changed. */
async function copy(): Promise<{ folder: string; weights: string }> {
  const folder = join(await temporaryFolder(), "model");
  await cp(tinyEncoder, folder, { recursive: true });
  return { folder, weights: join(folder, "model.safetensors") };
}

/** Changes the last byte, and nothing else that a program can set. */
async function touchLastWeight(file: string): Promise<void> {
  const { atime, mtime } = await stat(file);
  const bytes = await readFile(file);
  bytes[bytes.length - 2]! ^= 1;
  await writeFile(file, bytes);
  await utimes(file, atime, mtime);
}

describe("the key of the content", () => {
  test("is the same for a copy, and another for other weights of the same date and size", async () => {
    const { folder, weights } = await copy();
    const [original, copied] = [await encoderOf(tinyEncoder), await encoderOf(folder)];
    const key = await contentKey(int8Form, original, nothing);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(await contentKey(int8Form, copied, nothing)).toBe(key);
    await touchLastWeight(weights);
    expect(await contentKey(int8Form, await encoderOf(folder), nothing)).not.toBe(key);
    await expect(contentKey(int8Form, copied, nothing)).rejects.toMatchObject({ code: "INVALID_CHECKPOINT" });
    expect(await contentKey(int8Form, await encoderOf(tinyVqrae), nothing)).not.toBe(key);
  });

  test("of the files: none while they are young or gone, another after a change", async () => {
    const { folder, weights } = await copy();
    const encoder = await encoderOf(folder);
    expect(await filesKey(int8Form, encoder)).toBeNull();
    await sleep(2100);
    const key = await filesKey(int8Form, encoder);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(await filesKey(int8Form, encoder)).toBe(key);
    await touchLastWeight(weights);
    await sleep(2100);
    expect(await filesKey(int8Form, encoder)).not.toBe(key);
    await rm(weights);
    expect(await filesKey(int8Form, encoder)).toBeNull();
  });
});

describe("the cache", () => {
  test("finds what it has made, and makes it once for equal checkpoints", async () => {
    const folder = join(await temporaryFolder(), "not", "yet", "there");
    const cache = new WeightsCache(folder, int8Form);
    const encoder = await encoderOf(tinyEncoder);
    expect(await cache.find(encoder)).toBeNull();
    const seen: number[] = [];
    const made = await cache.make(encoder, (done) => seen.push(done));
    expect(seen.at(-1)).toBe(12); // three blocks of four groups
    expect(await cache.find(encoder)).toEqual(made);
    const [file] = await int8Files(folder);
    const { ino } = await stat(join(folder, file!));
    expect(await cache.make(await encoderOf((await copy()).folder), nothing)).toEqual(made);
    expect(await int8Files(folder)).toEqual([file]);
    expect((await stat(join(folder, file!))).ino).toBe(ino);
  });

  const damages: [string, (file: string) => Promise<void>][] = [
    ["truncated", (file) => truncate(file, 5000)],
    ["empty", (file) => truncate(file, 0)],
    ["not safetensors", (file) => writeFile(file, "a note to self")],
    ["another checkpoint's", (file) => cp(join(tinyEncoder, "model.safetensors"), file)],
    [
      "of another version",
      async (file) =>
        writeFile(file, (await readFile(file, "latin1")).replace("vqrae-int8 3", "vqrae-int8 2"), "latin1"),
    ],
  ];
  test.each(damages)("makes a file again that is %s", async (_, damage) => {
    const folder = await temporaryFolder();
    const cache = new WeightsCache(folder, int8Form);
    const encoder = await encoderOf(tinyEncoder);
    const made = await cache.make(encoder, nothing);
    const file = join(folder, (await int8Files(folder))[0]!);
    const before = await readFile(file);
    await damage(file);
    expect(await cache.find(encoder)).toBeNull();
    expect(plain(await cache.make(encoder, nothing))).toEqual(plain(made));
    expect(await readFile(file)).toEqual(before);
    expect(plain(await cache.find(encoder))).toEqual(plain(made));
  });

  test("makes a file again in which a single bit of any tensor is another", async () => {
    const folder = await temporaryFolder();
    const cache = new WeightsCache(folder, int8Form);
    const encoder = await encoderOf(tinyEncoder);
    await cache.make(encoder, nothing);
    const file = join(folder, (await int8Files(folder))[0]!);
    const good = await readFile(file);
    const { tensors } = await openSafetensors(file);
    for (const { name, offset, length } of tensors.values()) {
      for (const at of [offset, offset + length - 1]) {
        const bad = Buffer.from(good);
        bad[at]! ^= 0x40;
        await writeFile(file, bad);
        expect(await cache.find(encoder), `byte ${at} of ${name}`).toBeNull();
      }
    }
    await writeFile(file, good);
    expect(await cache.find(encoder)).not.toBeNull();
  });

  test("makes a file again without its checksums", async () => {
    const folder = await temporaryFolder();
    const cache = new WeightsCache(folder, int8Form);
    const encoder = await encoderOf(tinyEncoder);
    const made = await cache.make(encoder, nothing);
    const file = join(folder, (await int8Files(folder))[0]!);
    await writeFile(file, (await readFile(file, "latin1")).replace('"crc32"', '"crc23"'), "latin1");
    expect(await cache.find(encoder)).toBeNull();
    expect(plain(await cache.make(encoder, nothing))).toEqual(plain(made));
  });

  test("is not misled by a damaged note of the files", async () => {
    const folder = await temporaryFolder();
    const cache = new WeightsCache(folder, int8Form);
    const encoder = await encoderOf(tinyEncoder);
    const made = await cache.make(encoder, nothing);
    const note = (await readdir(folder)).find((name) => name.endsWith(".key"))!;
    await writeFile(join(folder, note), "../../elsewhere");
    expect(await cache.find(encoder)).toBeNull();
    expect(await cache.make(encoder, nothing)).toEqual(made);
    expect(await cache.find(encoder)).toEqual(made);
  });

  test("says what to do where its folder cannot be one", async () => {
    const file = join(await temporaryFolder(), "file");
    await writeFile(file, "");
    const { code, message } = await failure(VQRAE.load(tinyEncoder, { precision: "int8", cacheDir: file }));
    expect(code).toBe("IO_ERROR");
    expect(message).toContain(`for the cache of int8 weights but received ${file}`);
    expect(message).toContain('Pass another folder as option "cacheDir".');
  });

  test("says so where something stands in the way of a file", async () => {
    const folder = await temporaryFolder();
    const encoder = await encoderOf(tinyEncoder);
    await mkdir(join(folder, `${await contentKey(int8Form, encoder, nothing)}.safetensors`, "x"), { recursive: true });
    expect((await failure(new WeightsCache(folder, int8Form).make(encoder, nothing))).code).toBe("IO_ERROR");
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("refuses weights that are not finite, by name, and leaves nothing", async () => {
    const { folder, weights } = await copy();
    const encoder = await encoderOf(folder);
    const { name, offset } = encoder.blocks[1]!.attention.linears.key.weight;
    const bytes = await readFile(weights);
    bytes.writeFloatLE(Number.NaN, offset + 8);
    await writeFile(weights, bytes);
    const cacheDir = await temporaryFolder();
    const { code, message } = await failure(VQRAE.load(folder, { precision: "int8", cacheDir }));
    expect(code).toBe("INVALID_CHECKPOINT");
    expect(message).toContain(`for tensor ${name} in`);
    expect(await readdir(cacheDir)).toEqual([]);
  });
});

describe("an abort", () => {
  test("between two groups leaves nothing", async () => {
    const folder = await temporaryFolder();
    const reason = new Error("enough");
    const stop = (done: number) => {
      if (done === 5) throw reason;
    };
    await expect(new WeightsCache(folder, int8Form).make(await encoderOf(tinyEncoder), stop)).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual([]);
  });

  test("stops the worker thread and rejects with its reason", async () => {
    const folder = await temporaryFolder();
    const controller = new AbortController();
    const reason = new Error("enough");
    const report = (done: number) => {
      if (done > 0) controller.abort(reason);
    };
    const { signal } = controller;
    await expect(makeInt8(await encoderOf(tinyEncoder), folder, { report, signal })).rejects.toBe(reason);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("of VQRAE.load, and what onProgress throws, reject it", async () => {
    const cacheDir = await temporaryFolder();
    const reason = new Error("enough");
    const controller = new AbortController();
    const abort = VQRAE.load(tinyEncoder, {
      ...{ precision: "int8", cacheDir, signal: controller.signal },
      onProgress: ({ phase }) => phase === "quantize" && controller.abort(reason),
    });
    await expect(abort).rejects.toBe(reason);
    const onProgress = ({ phase, loaded }: { phase: string; loaded: number }) => {
      if (phase === "quantize" && loaded === 1) throw reason;
    };
    await expect(VQRAE.load(tinyEncoder, { precision: "int8", cacheDir, onProgress })).rejects.toBe(reason);
  });
});

test("processes that make the same file at once all load it", async () => {
  const cacheDir = await temporaryFolder();
  const script = `
    import { VQRAE } from ${JSON.stringify(new URL("../../../sdk/index.ts", import.meta.url).href)};
    const tokenizer = await VQRAE.load(${JSON.stringify(tinyVqrae)}, { precision: "int8", cacheDir: ${JSON.stringify(cacheDir)} });
    const { width, height } = tokenizer.info.inputSize;
    const data = new Uint8Array(width * height * 3).map((_, i) => i * 37);
    const { features } = await tokenizer.encode({ data, width, height });
    console.log(JSON.stringify([...features]));`;
  const runs = Array.from({ length: 3 }, () =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { timeout: 50_000 }),
  );
  const outputs = (await Promise.all(runs)).map(({ stdout }) => JSON.parse(stdout) as number[]);
  expect(outputs[1]).toEqual(outputs[0]);
  expect(outputs[2]).toEqual(outputs[0]);
  expect(await int8Files(cacheDir)).toHaveLength(1);
  expect((await readdir(cacheDir)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("weights and activations that are all zero give zeros, not NaN", async () => {
  await using tokenizer = await VQRAE.load(await writeTinyVqrae(), {
    precision: "int8",
    cacheDir: await temporaryFolder(),
  });
  const { features } = await tokenizer.encode(picture(8, 8), { ids: false });
  expect(new Set(features)).toEqual(new Set([0]));
});
