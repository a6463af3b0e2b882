import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { convertLlm } from "../../../adapters/gguf/index.ts";
import { type PullPlan, pullModel } from "../../../adapters/hub/index.ts";
import { type LocalHub, type LocalHubFile, startHubAndCache, startLocalHub } from "./local-hub.ts";

/** A whole Hugging Face folder from the hub: the tiny Mistral of three shards, whose GGUF file is known. */
const REPO = "someone/mistral-tiny";
const fixture = join(import.meta.dirname, "../../golden/convert-llm/mistral-tiny");
const names = await readdir(fixture);
const files: Record<string, LocalHubFile> = {
  "README.md": { content: Buffer.from("---\nlicense: apache-2.0\n---\n"), lfs: false },
  LICENSE: { content: Buffer.from("Apache"), lfs: false },
  "pytorch_model.bin": { content: Buffer.from("pickle"), lfs: true },
  "consolidated.safetensors": { content: Buffer.from("again"), lfs: true },
  "original/model.safetensors": { content: Buffer.from("again"), lfs: true },
  ".gitattributes": { content: Buffer.from("*"), lfs: false },
};
for (const name of names) {
  files[name] = { content: await readFile(join(fixture, name)), lfs: name.endsWith(".safetensors") };
}
const expected = JSON.parse(await readFile(join(fixture, "../expected.json"), "utf8"));

let cache: string;
let hub: LocalHub;
beforeEach(async () => {
  ({ hub, cache } = await startHubAndCache(REPO, files));
});

async function pullFolder(name = REPO): Promise<string> {
  const pulled = await pullModel(name);
  if (!("folder" in pulled)) throw new Error("GGUF files");
  return pulled.folder;
}

test("a repository of safetensors gives a folder with what is needed and nothing else", async () => {
  const plans: PullPlan[] = [];
  await pullModel(REPO, { onPlan: (plan) => plans.push(plan) });
  const folder = await pullFolder();
  expect((await readdir(folder)).sort()).toEqual([...new Set([...names, "LICENSE", "README.md"])].sort());
  expect(plans).toMatchObject([{ licence: "apache-2.0", gguf: null, missingBytes: expect.any(Number) }]);
  for (const name of names) expect(await readFile(join(folder, name))).toEqual(files[name]?.content);
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  expect(await pullFolder()).toBe(folder);
});

test("its language model becomes the GGUF file that llama.cpp's converter writes", async () => {
  const folder = await pullFolder();
  const out = join(cache, "out.gguf");
  // The cache's folder is named by the commit.
  await convertLlm(folder, out, { dtype: "BF16", name: "Mistral Tiny" });
  const own = join(cache, "own.gguf");
  await convertLlm(fixture, own, { dtype: "BF16" });
  const hash = createHash("sha256").update(await readFile(own));
  expect(hash.digest("hex")).toBe(expected["mistral-tiny"].bf16);
  // The tensors are at the end: the same bytes.
  const [made, known] = [await readFile(out), await readFile(own)];
  expect(made.subarray(-50_000)).toEqual(known.subarray(-50_000));
});

test("a type that it can be converted to is handed on; another quantization is an error", async () => {
  expect(await pullModel(`${REPO}:q8_0`)).toMatchObject({ name: "mistral-tiny", dtype: "Q8_0" });
  expect(await pullModel(REPO)).toMatchObject({ dtype: null });
  await expect(pullModel(`${REPO}:Q4_K_M`)).rejects.toThrow(/the quantization Q4_K_M.*safetensors.*Q8_0/s);
});

test("weights of torch.save are taken where there are no safetensors", async () => {
  const { "model-00002-of-00003.safetensors": _, "model.safetensors.index.json": __, ...rest } = files;
  hub = await startLocalHub(REPO, rest);
  vi.stubEnv("HF_ENDPOINT", hub.url);
  const plans: PullPlan[] = [];
  const folder = await pullModel(REPO, { onPlan: (plan) => plans.push(plan) });
  expect("folder" in folder && (await readdir(folder.folder))).toContain("pytorch_model.bin");
  expect(plans[0]?.convertedBytes).toBe("pickle".length);
});

test("a shard that is missing is an error before anything is fetched", async () => {
  const { "model-00002-of-00003.safetensors": _, ...rest } = files;
  hub = await startLocalHub(REPO, rest);
  vi.stubEnv("HF_ENDPOINT", hub.url);
  await expect(pullModel(REPO)).rejects.toThrow(/3 shards, as their names say, .*received 2/s);
  expect(hub.requests.filter((request) => request.includes("/resolve/"))).toEqual([]);
});
