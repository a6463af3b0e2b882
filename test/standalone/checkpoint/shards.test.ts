import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTensors } from "../../../sdk/weights/open-tensors.ts";
import { writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { failure, temporaryFolder, writeJson } from "./temporary.ts";
import { zeros } from "./tiny-vqrae.ts";

const INDEX = "model.safetensors.index.json";

async function twoShards(weightMap: unknown): Promise<string> {
  const folder = await temporaryFolder();
  await writeSafetensors(join(folder, "one.safetensors"), zeros({ a: [2], unlisted: [1] }));
  await writeSafetensors(join(folder, "two.safetensors"), zeros({ b: [3] }));
  await writeJson(folder, INDEX, { metadata: { total_size: 20 }, weight_map: weightMap });
  return folder;
}

test("tensors come from the shard that the index names", async () => {
  const tensors = await openTensors(await twoShards({ a: "one.safetensors", b: "two.safetensors" }));
  expect([...tensors.keys()]).toEqual(["a", "b"]);
  expect(tensors.get("b")!.file).toMatch(/two\.safetensors$/);
});

test("model.safetensors wins over an index", async () => {
  const folder = await twoShards({ a: "one.safetensors" });
  await writeSafetensors(join(folder, "model.safetensors"), zeros({ c: [1] }));
  expect([...(await openTensors(folder)).keys()]).toEqual(["c"]);
});

test("links as in hub caches lead to the blobs", async () => {
  const cache = await temporaryFolder();
  await mkdir(join(cache, "blobs"));
  await mkdir(join(cache, "snapshot"));
  await writeSafetensors(join(cache, "blobs", "0a1b"), zeros({ a: [2] }));
  await symlink("../blobs/0a1b", join(cache, "snapshot", "model.safetensors"));
  expect((await openTensors(join(cache, "snapshot"))).get("a")!.file).toMatch(/blobs.0a1b$/);
});

const bad: [name: string, code: string, message: RegExp, weightMap: unknown][] = [
  [
    "a missing shard",
    "CHECKPOINT_NOT_FOUND",
    /gone\.safetensors but received nothing there/,
    { a: "gone.safetensors" },
  ],
  ["a tensor that its shard lacks", "INVALID_CHECKPOINT", /tensor b, .*one\.safetensors/, { b: "one.safetensors" }],
  ["a shard outside the folder", "INVALID_CHECKPOINT", /a file name for weight_map\.a/, { a: "../one.safetensors" }],
  ["the folder above", "CHECKPOINT_NOT_FOUND", /a readable file for .* received a folder/, { a: ".." }],
  ["a shard that is no name", "INVALID_CHECKPOINT", /weight_map\.a of .* received 3/, { a: 3 }],
  ["no weight_map", "INVALID_CHECKPOINT", /an object for weight_map/, undefined],
];
test.each(bad)("%s", async (_, code, message, weightMap) => {
  expect(await failure(openTensors(await twoShards(weightMap)))).toEqual({
    code,
    message: expect.stringMatching(message),
  });
});

test("an index that is no JSON", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, INDEX), "{");
  expect(await failure(openTensors(folder))).toMatchObject({ code: "INVALID_CHECKPOINT" });
});

test("a folder without weights says what was looked for", async () => {
  const { code, message } = await failure(openTensors(await temporaryFolder()));
  expect(code).toBe("CHECKPOINT_NOT_FOUND");
  expect(message).toContain(`model.safetensors, ${INDEX}, pytorch_model.bin or pytorch_model.bin.index.json`);
});
