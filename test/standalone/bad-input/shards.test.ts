import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { VQRAE } from "../../../sdk/index.ts";
import { golden, picture } from "../runtime/fixtures/tiny.ts";

/** Folders as the hub's cache keeps them, and folders whose index does not fit its shards. */

const sharded = golden("checkpoint/vit-sharded");
const INDEX = "model.safetensors.index.json";
const image = picture(12, 12);

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-shards-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function features(folder: string): Promise<Float32Array> {
  await using tokenizer = await VQRAE.load(folder, { device: "cpu", threads: 1 });
  return (await tokenizer.encode(image)).features!;
}

/** models--a--b/{blobs/<hash>, snapshots/<revision>/<name> -> ../../blobs/<hash>}, as huggingface_hub lays it out. */
async function hubCache(source: string): Promise<string> {
  const cache = await temporary();
  const [blobs, snapshot] = [join(cache, "blobs"), join(cache, "snapshots", "0123abcd")];
  await mkdir(blobs);
  await mkdir(snapshot, { recursive: true });
  for (const [i, name] of (await readdir(source)).entries()) {
    const blob = `${i}f00d`.padEnd(40, "0");
    await cp(join(source, name), join(blobs, blob));
    await symlink(join("..", "..", "blobs", blob), join(snapshot, name));
  }
  return snapshot;
}

describe.skipIf(process.platform === "win32")("the hub's cache, where every file is a link to a blob", () => {
  test.each(["checkpoint/vit", "checkpoint/vit-sharded"])("%s gives the same features", async (name) => {
    expect(await features(await hubCache(golden(name)))).toEqual(await features(golden(name)));
  });

  test("a link whose blob is gone", async () => {
    const snapshot = await hubCache(sharded);
    const blobs = join(snapshot, "..", "..", "blobs");
    const index = JSON.parse(await readFile(join(snapshot, INDEX), "utf8"));
    const shard = Object.values<string>(index.weight_map)[0]!;
    const place = (await readdir(sharded)).indexOf(shard);
    await rm(join(blobs, `${place}f00d`.padEnd(40, "0")));
    await expect(features(snapshot)).rejects.toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
      message: `Expected a readable file for ${join(snapshot, shard)} but received nothing there.`,
    });
  });

  test("a link that leads to itself", async () => {
    const folder = await temporary();
    await cp(golden("checkpoint/vit"), folder, { recursive: true });
    await rm(join(folder, "config.json"));
    await symlink("config.json", join(folder, "config.json"));
    await expect(features(folder)).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  });
});

describe("an index that does not fit", () => {
  type Index = { weight_map: Record<string, unknown> };
  const copy = async (change: (index: Index, folder: string) => unknown): Promise<string> => {
    const folder = await temporary();
    await cp(sharded, folder, { recursive: true });
    const index: Index = JSON.parse(await readFile(join(folder, INDEX), "utf8"));
    await change(index, folder);
    await writeFile(join(folder, INDEX), JSON.stringify(index));
    return folder;
  };
  const shards = (folder: string) =>
    readdir(folder).then((names) => names.filter((name) => name.endsWith(".safetensors") && name.startsWith("model-")));
  const token = "embeddings.cls_token";

  const cases: [name: string, code: string, message: RegExp, change: (index: Index, folder: string) => unknown][] = [
    [
      "a shard is missing",
      "CHECKPOINT_NOT_FOUND",
      /^Expected a readable file for .*model-00001-of-00003\.safetensors but received nothing there\.$/,
      (_, folder) => rm(join(folder, "model-00001-of-00003.safetensors")),
    ],
    [
      "a shard outside of the folder",
      "INVALID_CHECKPOINT",
      /^Expected a file name for weight_map\.embeddings\.cls_token of .* received "\.\.\/secret\.safetensors"\.$/,
      (index) => (index.weight_map[token] = "../secret.safetensors"),
    ],
    [
      "a shard at the root",
      "INVALID_CHECKPOINT",
      /^Expected a file name for weight_map\.embeddings\.cls_token/,
      (index) => (index.weight_map[token] = "/etc/passwd"),
    ],
    [
      "a shard outside of the folder, on Windows",
      "INVALID_CHECKPOINT",
      /^Expected a file name/,
      (index) => (index.weight_map[token] = "..\\secret.safetensors"),
    ],
    ["a shard that is a number", "INVALID_CHECKPOINT", /received 5\.$/, (index) => (index.weight_map[token] = 5)],
    [
      "a tensor that its shard lacks",
      "INVALID_CHECKPOINT",
      /^Expected tensor other, as model\.safetensors\.index\.json says, for .*model-0000\d-of-00003\.safetensors but received none\.$/,
      (index) => (index.weight_map.other = index.weight_map[token]),
    ],
    [
      "two shards that changed places",
      "INVALID_CHECKPOINT",
      /^Expected tensor .*, as model\.safetensors\.index\.json says, for /,
      async (_, folder) => {
        const [a, b] = await shards(folder);
        await rename(join(folder, a!), join(folder, "x"));
        await rename(join(folder, b!), join(folder, a!));
        await rename(join(folder, "x"), join(folder, b!));
      },
    ],
    [
      "a tensor that the index leaves out",
      "INVALID_CHECKPOINT",
      /for tensor embeddings\.cls_token in .* received no such tensor/,
      (index) => delete index.weight_map[token],
    ],
    [
      "a shard that was cut short",
      "INVALID_CHECKPOINT",
      /model-00002-of-00003\.safetensors .*The file was cut short/,
      (_, folder) => truncate(join(folder, "model-00002-of-00003.safetensors"), 4000),
    ],
    [
      "an empty shard",
      "INVALID_CHECKPOINT",
      /model-00002-of-00003\.safetensors but received a file of 0 bytes/,
      (_, folder) => truncate(join(folder, "model-00002-of-00003.safetensors"), 0),
    ],
    [
      "no list",
      "INVALID_CHECKPOINT",
      /^Expected an object for weight_map/,
      (index) => (index.weight_map = [] as never),
    ],
  ];
  test.each(cases)("%s", async (_, code, message, change) => {
    await expect(features(await copy(change))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test("a tensor that the index lists twice", async () => {
    const folder = await copy(() => {});
    const text = await readFile(join(folder, INDEX), "utf8");
    await writeFile(
      join(folder, INDEX),
      text.replace(`"${token}"`, `"${token}":"model-00001-of-00003.safetensors","${token}"`),
    );
    await expect(features(folder)).rejects.toMatchObject({
      code: "INVALID_CHECKPOINT",
      message: expect.stringContaining(`"${token}" twice`),
    });
  });
});
