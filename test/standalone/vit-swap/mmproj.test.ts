import { join } from "node:path";
import { expect, test } from "vitest";
import { readGguf, readGgufTensor, readGgufTensorBytes } from "../../../adapters/gguf/index.ts";
import { renameTokens, swapVit } from "../../../adapters/vit-swap/index.ts";
import { towerTensorsToWrite } from "../../../adapters/vit-swap/mmproj/tower-data.ts";
import { mmprojTypes } from "../../../adapters/vit-swap/mmproj/types.ts";
import { readTower } from "../../../adapters/vit-swap/vision-tower.ts";
import { readTensor } from "../../../sdk/weights/read-tensor.ts";
import { readExpected } from "../../golden/expected.ts";
import { writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";
import { encoder, mmproj, vlm } from "./fixtures.ts";

test("only the tower and its keys change; all else is kept byte for byte", async () => {
  const model = await mmproj(vlm("internvl"));
  const out = join(model, "..", "out.gguf");
  await swapVit(model, encoder("internvl"), out);
  const [before, after] = [await readGguf(model), await readGguf(out)];
  expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
  expect(new Map(after.metadata)).toEqual(new Map(before.metadata));
  for (const name of before.tensors.keys()) {
    const same = Buffer.compare(await readGgufTensorBytes(before, name), await readGgufTensorBytes(after, name)) === 0;
    expect([name, same]).toEqual([name, name.startsWith("mm.")]);
  }
});

test("the class token's position goes where the graph has the token", async () => {
  const { spec: tower } = await readTower(encoder("internvl"));
  const table = await readTensor(tower.positions.table);
  const model = await mmproj(vlm("internvl"));
  const out = join(model, "..", "out.gguf");
  const stored = async (llamaCpp?: string) => {
    await swapVit(model, encoder("internvl"), out, llamaCpp === undefined ? {} : { llamaCpp });
    return readGgufTensor(await readGguf(out), "v.position_embd.weight");
  };
  const width = tower.hiddenSize;
  const rolled = Float32Array.of(...table.subarray(width), ...table.subarray(0, width));
  for (const version of [undefined, "v0.5.0", "b10257", "10055", "class-last"]) {
    expect(await stored(version)).toEqual(rolled);
  }
  expect(await stored("class-first")).toEqual(table);
});

test("positions that Idefics3 finds by buckets are written in the order of the patches", async () => {
  const folder = join(import.meta.dirname, "../../golden/checkpoint/idefics3");
  const tower = await readTower(folder);
  const table = readExpected(join(folder, "model.safetensors"))["embeddings.position_embedding.weight"]!.data;
  const written = towerTensorsToWrite(tower, { layers: [1], finalNorm: false }, mmprojTypes.idefics3, "F32", "last");
  const [{ data }] = written.filter(({ name }) => name === "v.position_embd.weight") as [(typeof written)[number]];
  const bytes: number[] = [];
  for await (const chunk of data as AsyncIterable<Uint8Array>) bytes.push(...chunk);
  // torch puts row and column 12 of 19 into bucket 11 (idefics3-positions.json).
  const bucket = (i: number) => (i === 12 ? 11 : i);
  const rows = Array.from({ length: 361 }, (_, i) => bucket(Math.floor(i / 19)) * 19 + bucket(i % 19));
  expect(new Float32Array(Uint8Array.from(bytes).buffer)).toEqual(
    Float32Array.from(rows.flatMap((row) => [...table.slice(row * 8, row * 8 + 8)])),
  );
});

test("an MLP as wide as the tower has the names that the loader exchanges", async () => {
  const tower = await readTower(encoder("gemma3"));
  const square = { ...tower, spec: { ...tower.spec, intermediateSize: tower.spec.hiddenSize } };
  const shapes = (from: typeof tower, type: "mlp" | "lfm2") =>
    Object.fromEntries(
      towerTensorsToWrite(from, { layers: [1], finalNorm: false }, mmprojTypes[type], "F32", "last").map((tensor) => [
        tensor.name,
        tensor.shape,
      ]),
    );
  const [up, down] = [
    [24, 16],
    [16, 24],
  ]; // of the file's tensors, whatever the spec says
  expect(shapes(tower, "mlp")).toMatchObject({ "v.blk.0.ffn_up.weight": up, "v.blk.0.ffn_down.weight": down });
  expect(shapes(square, "mlp")).toMatchObject({ "v.blk.0.ffn_up.weight": down, "v.blk.0.ffn_down.weight": up });
  expect(shapes(square, "lfm2")).toMatchObject({ "v.blk.0.ffn_up.weight": up, "v.blk.0.ffn_down.weight": down });
});

test("tokens get other names, in the vocabulary and in the template", async () => {
  const folder = await temporaryFolder();
  const { path } = await writeTinyLlm(join(folder, "llm.gguf"), "qwen3");
  const out = join(folder, "out.gguf");
  const names: Record<string, string> = { "<|vision_start|>": "<img>", "<|im_start|>": "<s>" };
  await renameTokens(path, out, names);
  const [before, after] = [await readGguf(path), await readGguf(out)];
  const tokens = (file: typeof before) => file.metadata.get("tokenizer.ggml.tokens")!.value as string[];
  expect(tokens(after)).toEqual(tokens(before).map((token) => names[token] ?? token));
  expect(after.metadata.get("tokenizer.chat_template")!.value).toContain("<s>{{ m.role }}");
  for (const [wrong, message] of [
    [{ "<nothing>": "<img>" }, /a token of the vocabulary .* "<nothing>"/],
    [{ "<|vision_start|>": "<|im_end|>" }, /no token yet .* "<\|im_end\|>"/],
  ] as const) {
    const error = await failure(renameTokens(path, join(folder, "x.gguf"), wrong));
    expect(error).toEqual({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  }
  for (const [wrong, options, message] of [
    [{ "<|im_start|>": 1 }, {}, /new texts by old ones/],
    [names, { inplace: true }, /one of inPlace for the options of renameTokens/],
    [names, { inPlace: 1 }, /true or false for option "inPlace" of renameTokens/],
  ] as const) {
    const error = await failure(renameTokens(path, join(folder, "x.gguf"), wrong as never, options as object));
    expect(error).toEqual({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  }
});
