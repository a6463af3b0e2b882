import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { expandVocabulary } from "../../../adapters/generation/index.ts";
import { openTensors } from "../../../sdk/kit.ts";
import { readTensor } from "../../../sdk/weights/read-tensor.ts";
import type { StoredTensor } from "../../../sdk/weights/safetensors/safetensors-header.ts";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { largestDifference } from "../expected.ts";

/** Small language models and what transformers makes of them when it adds the tokens: make_checkpoints.py. */
const golden = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const bytes = async ({ file, offset, length }: StoredTensor) =>
  (await readFile(file)).subarray(offset, offset + length);
const floats = (tensor: StoredTensor) => readTensor(tensor as Parameters<typeof readTensor>[0]);

const options = { codebookSize: 24, grid: { rows: 4, columns: 4 }, tokenizer: "some", sampling: { guidanceScale: 3 } };
const WIDTH = 16;

describe.each([
  ["tied", 36, 1e-6],
  ["sharded", 36, 1e-5], // F16 rows around 0.02
] as const)("%s", (name, size, tolerance) => {
  const expected = read(golden(`${name}-expected.json`));
  const expand = async () => {
    const folder = join(await temporaryFolder(), "expanded");
    return { folder, vocabulary: await expandVocabulary(golden(name), folder, options) };
  };

  test("tokens and sizes are those of transformers", async () => {
    const { folder, vocabulary } = await expand();
    expect(vocabulary).toMatchObject({ boiToken: expected.tokens, firstToken: expected.tokens + 2, codebookSize: 24 });
    expect(read(join(folder, "tokenizer.json")).added_tokens).toEqual(expected.added_tokens);
    const config = { ...read(join(golden(name), "config.json")), vocab_size: size, vqrae_visual: vocabulary };
    expect(read(join(folder, "config.json"))).toEqual(config);
  });

  test("the old rows and all other tensors are kept byte for byte, the new ones are the mean", async () => {
    const { folder } = await expand();
    const [before, after] = [await openTensors(golden(name)), await openTensors(folder)];
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    let expanded = 0;
    for (const tensor of before.values()) {
      const found = after.get(tensor.name)!;
      const [old, own] = [await bytes(tensor), await bytes(found)];
      if (!/embed_tokens|lm_head/.test(tensor.name)) {
        expect(own.equals(old)).toBe(true);
        continue;
      }
      expanded++;
      expect(found).toMatchObject({ dtype: tensor.dtype, shape: [size, WIDTH] });
      const kept = (expected.tokens * tensor.length) / tensor.shape[0]!;
      expect(own.subarray(0, kept).equals(old.subarray(0, kept))).toBe(true);
      if (!tensor.name.includes("embed_tokens")) continue;
      const rows = await floats(found);
      for (let row = expected.tokens; row < size; row++) {
        expect(largestDifference(rows.subarray(row * WIDTH, (row + 1) * WIDTH), expected.mean)).toBeLessThan(tolerance);
      }
    }
    expect(expanded).toBe(name === "tied" ? 1 : 2);
  });

  test("the index of shards tells the new size, and every other file is there", async () => {
    const { folder } = await expand();
    expect(await readFile(join(folder, "generation_config.json"))).toEqual(
      await readFile(join(golden(name), "generation_config.json")),
    );
    if (name === "tied") return;
    const tensors = [...(await openTensors(folder)).values()];
    const { metadata, weight_map } = read(join(folder, "model.safetensors.index.json"));
    const numbers = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
    expect(metadata).toEqual({ total_parameters: numbers, total_size: 2 * numbers });
    expect(weight_map).toEqual(read(join(golden(name), "model.safetensors.index.json")).weight_map);
  });
});

test("fewer new tokens than rows to spare take those, and the rest stay", async () => {
  const folder = join(await temporaryFolder(), "expanded");
  await expandVocabulary(golden("tied"), folder, { ...options, codebookSize: 2 });
  const [before, after] = [await openTensors(golden("tied")), await openTensors(folder)];
  const [old, own] = [before, after].map((tensors) => tensors.get("model.embed_tokens.weight")!);
  expect(own!.shape).toEqual([16, WIDTH]);
  const rest = 14 * WIDTH * 4;
  expect((await bytes(own!)).subarray(rest).equals((await bytes(old!)).subarray(rest))).toBe(true);
});

test("a folder that is there stays as it is, and one that cannot be made is an error of its own", async () => {
  const folder = await temporaryFolder();
  const [there, below] = [join(folder, "there"), join(golden("tied"), "config.json", "expanded")];
  await mkdir(there);
  const expanded = (target: string) => expandVocabulary(golden("tied"), target, { ...options, codebookSize: 2 });
  await expect(expanded(there)).rejects.toMatchObject({ code: "ALREADY_EXISTS", path: there });
  await expect(expanded(below)).rejects.toMatchObject({ code: "IO_ERROR", path: below });
  expect(await readdir(folder)).toEqual(["there"]);
});
