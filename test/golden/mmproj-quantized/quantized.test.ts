import { copyFile, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { type ImageEmbeddings, type LoadOptions, loadProjector, VQRAE } from "../../../sdk/index.ts";
import { readGguf } from "../../../sdk/kit.ts";
import { failure, temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { largestDifference, readExpected } from "../expected.ts";
import { pictures } from "../projector/pictures.ts";
import { square } from "../two-files/pictures.ts";

/** mmproj files in blocks against what transformers makes with the numbers that gguf-py brings them to (make_quantized.py). */

const at = (name: string) => join(import.meta.dirname, name);

const numbersOf = ({ segments }: ImageEmbeddings): number[] =>
  segments.flatMap((segment) => (segment.type === "embeddings" ? [...segment.data] : []));

async function embeddings(file: string, options: LoadOptions): Promise<number[][]> {
  await using tokenizer = await VQRAE.load(file, { device: "cpu", threads: 1, ...options });
  return (await tokenizer.embed(pictures)).map(numbersOf);
}

/** The largest difference to transformers' embeddings, over their largest number. */
function error(own: readonly number[][], name: string): number {
  const expected = readExpected(at(`${name}.safetensors`));
  const errors = own.map((numbers, i) => {
    const { data } = expected[String(i)]!;
    expect(numbers.length).toBe(data.length);
    return largestDifference(numbers, data) / Math.max(...Array.from(data, Math.abs));
  });
  return Math.max(...errors);
}

const fixtures = ["idefics3-q8_0", "gemma3-q8_0", "internvl-q8_0", "mixed"];

describe.each(fixtures)("%s", (name) => {
  it("gives transformers' embeddings, within 1e-4 of their size", async () => {
    const own = await embeddings(at(`${name}.gguf`), { cacheDir: await temporaryFolder() });
    expect(error(own, name)).toBeLessThan(1e-4);
  });

  it("gives nearly the same in int8, which is made of the blocks themselves", async () => {
    const cacheDir = await temporaryFolder();
    const own = await embeddings(at(`${name}.gguf`), { cacheDir, precision: "int8" });
    expect(error(own, name)).toBeLessThan(0.2);
    expect(error(own, name)).toBeGreaterThan(1e-4);
  });
});

/** make_native.py */
test.each(["qwen2_5_vl-q8_0", "qwen3_vl-q4_k", "pixtral-q8_0", "pixtral-q4_k"])(
  "%s, whose images keep their sizes, gives transformers' embeddings, within 1e-4 of their size",
  async (name) => {
    const cacheDir = await temporaryFolder();
    const projector = await loadProjector(at(`${name}.gguf`));
    await using tokenizer = await VQRAE.load(at(`${name}.gguf`), { device: "cpu", threads: 1, projector, cacheDir });
    const own = numbersOf(await tokenizer.embed(square(48)));
    const { data } = readExpected(at(`${name}.safetensors`)).square!;
    expect(own.length).toBe(data.length);
    expect(largestDifference(own, data) / Math.max(...Array.from(data, Math.abs))).toBeLessThan(1e-4);
  },
);

test("int8 of an mmproj that is in no blocks", async () => {
  const file = at("../mmproj/idefics3-f16.gguf");
  const cacheDir = await temporaryFolder();
  const [exact, int8] = [await embeddings(file, { cacheDir }), await embeddings(file, { cacheDir, precision: "int8" })];
  const size = Math.max(...exact.flat().map(Math.abs));
  const difference = largestDifference(int8.flat(), exact.flat()) / size;
  expect(difference).toBeGreaterThan(0);
  expect(difference).toBeLessThan(0.1);
});

describe("the cache", () => {
  const made = async (folder: string) => (await readdir(folder)).filter((name) => name.endsWith(".safetensors"));

  /** A load, and what it says of the floats. */
  async function load(file: string, cacheDir: string) {
    const said: string[] = [];
    const own = await embeddings(file, {
      cacheDir,
      onProgress: ({ phase, loaded, total, detail }) =>
        phase === "dequantize" && said.push(`${loaded}/${total} ${detail}`),
    });
    return { own, said };
  }

  test("is filled by the first load, which says so, and found by the second", async () => {
    const cacheDir = await temporaryFolder();
    const first = await load(at("mixed.gguf"), cacheDir);
    // A file of the projector's one matrix, and one of the tower's six.
    const steps = [0, 1, 1].map((done) => `${done}/1`).concat([...Array(7).keys(), 6].map((done) => `${done}/6`));
    expect(first.said).toEqual(steps.map((step) => `${step} kept in ${cacheDir}`));
    const files = await made(cacheDir);
    const stats = () => Promise.all(files.map((file) => stat(join(cacheDir, file))));
    const before = await stats();
    const bytes = before.reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(7 * 256 * 1024 * 4 + 2 * 4096); // the seven matrices, and nothing that is no block
    const second = await load(at("mixed.gguf"), cacheDir);
    expect(second.said).toEqual(["0/1", "1/1", "0/6", "6/6"].map((step) => `${step} undefined`));
    expect(second.own).toEqual(first.own);
    expect(await made(cacheDir)).toEqual(files);
    expect((await stats()).map(({ ino }) => ino)).toEqual(before.map(({ ino }) => ino));
  });

  test("makes a damaged file again", async () => {
    const cacheDir = await temporaryFolder();
    const { own } = await load(at("mixed.gguf"), cacheDir);
    const file = join(cacheDir, (await made(cacheDir))[0]!);
    const bytes = await readFile(file);
    bytes[bytes.length - 5000]! ^= 64;
    await writeFile(file, bytes);
    expect((await load(at("mixed.gguf"), cacheDir)).own).toEqual(own);
    expect(await readFile(file)).not.toEqual(bytes);
  });

  test("takes a copy of itself as it is", async () => {
    const [cacheDir, copy] = [await temporaryFolder(), await temporaryFolder()];
    const { own } = await load(at("mixed.gguf"), cacheDir);
    for (const name of await readdir(cacheDir)) await copyFile(join(cacheDir, name), join(copy, name));
    const [file] = await made(copy);
    const { ino } = await stat(join(copy, file!));
    expect((await load(at("mixed.gguf"), copy)).own).toEqual(own);
    expect((await stat(join(copy, file!))).ino).toBe(ino);
  });

  test("notices another file of the same name", async () => {
    const cacheDir = await temporaryFolder();
    const file = join(await temporaryFolder(), "mmproj.gguf");
    await copyFile(at("idefics3-q8_0.gguf"), file);
    await load(file, cacheDir);
    await copyFile(at("gemma3-q8_0.gguf"), file);
    expect(error((await load(file, cacheDir)).own, "gemma3-q8_0")).toBeLessThan(1e-4);
    expect(await made(cacheDir)).toHaveLength(3); // the second one's projector is quantized too
  });
});

describe("what is refused", () => {
  /** A copy of a file with its bytes changed. */
  async function changed(name: string, change: (bytes: Buffer) => void): Promise<string> {
    const file = join(await temporaryFolder(), "mmproj.gguf");
    const bytes = await readFile(at(name));
    change(bytes);
    await writeFile(file, bytes);
    return file;
  }

  test("a type of blocks that is not read, by its name", async () => {
    const { tensors } = await readGguf(at("mixed.gguf"));
    const { name } = [...tensors.values()].find(({ type }) => type === "Q4_0")!;
    const file = await changed("mixed.gguf", (bytes) => {
      const type = bytes.lastIndexOf(name) + name.length + 4 + 2 * 8;
      expect(bytes.readUInt32LE(type)).toBe(2);
      bytes.writeUInt32LE(20, type); // of as many bytes
    });
    const { code, message } = await failure(VQRAE.load(file));
    expect([code, message]).toEqual(["UNSUPPORTED", expect.stringContaining("but received IQ4_NL")]);
    expect(message).toContain("F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K");
    expect(message).toContain(`tensor ${name} of`);
  });

  test("a scale that is no number, by name where all weights are checked", async () => {
    const { tensors } = await readGguf(at("idefics3-q8_0.gguf"));
    const { offset } = tensors.get("v.blk.1.ffn_up.weight")!;
    const file = await changed("idefics3-q8_0.gguf", (bytes) => bytes.writeUInt16LE(0x7e00, offset));
    const cacheDir = await temporaryFolder();
    const { code, message } = await failure(VQRAE.load(file, { cacheDir, checkWeights: true }));
    expect([code, message]).toEqual(["INVALID_CHECKPOINT", expect.stringContaining("fc1.weight (32 NaN of 2048)")]);
  });
});
