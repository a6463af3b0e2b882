import { createHash } from "node:crypto";
import { appendFile, cp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import type { PullPlan } from "../../../adapters/hub/index.ts";
import { type ConvertProgress, loadVlm, resolveVlm } from "../../../adapters/llama-cpp/index.ts";
import { temporaryFolder, writeJson } from "../checkpoint/temporary.ts";
import { type LocalHubFile, startHubAndCache } from "../hub/local-hub.ts";

/** A whole Hugging Face folder of a tiny Gemma 3, and what llama.cpp's own converter writes of its language model. */
const golden = join(import.meta.dirname, "../../golden/convert-llm");
const fixture = join(golden, "gemma3");
const expected = JSON.parse(await readFile(join(golden, "expected.json"), "utf8")).gemma3;

let cacheDir: string;
let folder: string;
beforeEach(async () => {
  cacheDir = await temporaryFolder();
  folder = join(await temporaryFolder(), "gemma3");
  await cp(fixture, folder, { recursive: true });
});

const sha256 = async (file: string) =>
  createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
const conversions: ConvertProgress[] = [];
const options = () => ({ cacheDir, onConvert: (progress: ConvertProgress) => conversions.push(progress) });
/** Resolves the folder, and how often the conversion began meanwhile. */
async function resolved(source = folder) {
  conversions.length = 0;
  const files = await resolveVlm(source, {}, options());
  return { ...files, begun: conversions.filter(({ doneBytes }) => doneBytes === 0).length };
}

test("a folder without a GGUF file: its language model is converted once, as llama.cpp's converter does", async () => {
  const { llm, begun, ...files } = await resolved();
  expect({ ...files, begun }).toEqual({ modelId: "gemma3", tokenizer: folder, projector: folder, begun: 1 });
  expect(await sha256(llm)).toBe(expected.auto);
  expect(llm.startsWith(join(cacheDir, "llm", "gemma3-"))).toBe(true);
  const [first, last] = [conversions[0], conversions.at(-1)];
  expect(first).toMatchObject({ folder, file: llm, doneBytes: 0 });
  expect(last?.doneBytes).toBe(last?.totalBytes);
  expect(await resolved()).toMatchObject({ llm, begun: 0 });
});

test("a folder of the longest name has a file in the cache too", async () => {
  const long = join(await temporaryFolder(), "x".repeat(250));
  await cp(fixture, long, { recursive: true });
  expect(await resolved(long)).toMatchObject({ begun: 1 });
  expect(await resolved(long)).toMatchObject({ begun: 0 });
});

test("a made file that is damaged is made again; a changed checkpoint has another one", async () => {
  const { llm } = await resolved();
  const bytes = await readFile(llm);
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
  await writeFile(llm, bytes);
  expect(await resolved()).toMatchObject({ llm, begun: 1 });
  expect(await sha256(llm)).toBe(expected.auto);
  await appendFile(join(folder, "chat_template.jinja"), "{# changed #}");
  const changed = await resolved();
  expect(changed).toMatchObject({ begun: 1 });
  expect(changed.llm).not.toBe(llm);
  await writeFile(join(folder, "photo.txt"), "What is not read changes nothing.");
  await utimes(folder, 1, 1);
  expect(await resolved()).toMatchObject({ llm: changed.llm, begun: 0 });
});

test("of two who want it at once, one makes it", async () => {
  conversions.length = 0;
  const both = await Promise.all([resolveVlm(folder, {}, options()), resolveVlm(folder, {}, options())]);
  expect(both[0]).toEqual(both[1]);
  expect(conversions.filter(({ doneBytes }) => doneBytes === 0)).toHaveLength(1);
  expect(
    (await readdir(join(cacheDir, "llm"))).filter((name) => !/gemma3-[0-9a-f]{16}\.gguf(\.crc32)?$/.test(name)),
  ).toEqual([]);
});

test("a language model of text alone, and a folder without weights, are refused before any work", async () => {
  const text = join(golden, "qwen2-tiny");
  await expect(resolved(text)).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringMatching(/model_type in .*qwen2-tiny.* "qwen2"\. .*text alone has none/s),
  });
  await rm(join(folder, "model.safetensors"));
  await expect(resolved()).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND", path: folder });
  expect(conversions).toEqual([]);
});

test("an abort ends it, and leaves nothing", async () => {
  const controller = new AbortController();
  const onConvert = () => controller.abort(new Error("enough"));
  await expect(resolveVlm(folder, {}, { cacheDir, onConvert, signal: controller.signal })).rejects.toThrow("enough");
  expect(await readdir(join(cacheDir, "llm"))).toEqual([]);
});

test("a damaged tokenizer.json is an error that names it", async () => {
  await writeJson(folder, "preprocessor_config.json", {
    image_processor_type: "Gemma3ImageProcessor",
    size: { height: 16, width: 16 },
  });
  await expect(loadVlm(folder, { gpu: false, cacheDir })).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    path: join(folder, "tokenizer.json"),
  });
});

test("a name on the hub: size, licence and room for the converted file before, then as the folder", async () => {
  const files: Record<string, LocalHubFile> = {};
  for (const name of await readdir(fixture)) {
    files[name] = { content: await readFile(join(fixture, name)), lfs: name.endsWith(".safetensors") };
  }
  const repo = "someone/gemma-tiny";
  const { hub } = await startHubAndCache(repo, files);
  const plans: PullPlan[] = [];
  const onPlan = (plan: PullPlan) => plans.push(plan);
  const found = await resolveVlm(`hf:${repo}`, {}, { ...options(), onPlan });
  const weights = files["model.safetensors"]?.content.length;
  expect(plans).toMatchObject([{ repo, licence: "apache-2.0", gguf: null, convertedBytes: weights }]);
  expect(found).toMatchObject({ modelId: "gemma-tiny", tokenizer: found.projector });
  expect(found.llm).toMatch(/gemma-tiny-[0-9a-f]{16}\.gguf$/);
  const quantized = await resolveVlm(`hf:${repo}:q8_0`, {}, options());
  expect(quantized.llm).toMatch(/gemma-tiny-Q8_0-[0-9a-f]{16}\.gguf$/);
  await expect(resolveVlm(`hf:${repo}:Q4_K_M`)).rejects.toThrow(/the quantization Q4_K_M .*F32, F16, BF16, Q8_0/s);
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  conversions.length = 0;
  expect(await resolveVlm(`hf:${repo}`, {}, options())).toEqual(found);
  expect(conversions).toEqual([]);
  expect(hub.requests.filter((request) => /storage\/model.safetensors(?! bytes=0-0$)/.test(request))).toHaveLength(1);
});

test("a disk without room for download and converted file is refused before anything is fetched", async () => {
  const repo = "someone/gemma-tiny";
  const { hub } = await startHubAndCache(repo, {
    "config.json": { content: Buffer.from("{}"), lfs: false },
    "model.safetensors": { content: Buffer.from("x"), lfs: true },
  });
  const { statfs } = await import("node:fs/promises");
  const { bavail, bsize } = await statfs(cacheDir);
  // The download alone has room.
  const size = Math.floor(bavail * bsize * 0.7);
  hub.interfere = ({ url }, response) => {
    if (!url?.includes("/tree/")) return false;
    const oid = "0".repeat(40);
    const entries = [
      { type: "file", path: "config.json", size: 2, oid },
      { type: "file", path: "model.safetensors", size: 1, oid, lfs: { oid: "0".repeat(64), size } },
    ];
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(entries));
    return true;
  };
  await expect(resolveVlm(`hf:${repo}`, {}, options())).rejects.toMatchObject({
    code: "IO_ERROR",
    path: join(cacheDir, "llm"),
    message: expect.stringContaining("--cache-dir"),
  });
  expect(hub.requests.filter((request) => request.includes("/resolve/"))).toEqual([]);
});
