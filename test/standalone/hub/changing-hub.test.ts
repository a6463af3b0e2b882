import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, expect, test } from "vitest";
import { pullModel } from "../../../adapters/hub/index.ts";
import { type LocalHub, type LocalHubFile, pullGguf, sha256, startHubAndCache } from "./local-hub.ts";

/** What happens between two requests: another process, another file, another name. */
const REPO = "someone/Tiny-VLM-GGUF";
const llm = randomBytes(400_000);
const files: Record<string, LocalHubFile> = {
  "Tiny-Q4_K_M.gguf": { content: llm, lfs: true },
  "mmproj-Tiny-F16.gguf": { content: randomBytes(10_000), lfs: true },
};

let cache: string;
let hub: LocalHub;
beforeEach(async () => {
  ({ hub, cache } = await startHubAndCache(REPO, files));
});

const blobs = () => join(cache, "models--someone--Tiny-VLM-GGUF", "blobs");
const locks = () => join(cache, ".locks", "models--someone--Tiny-VLM-GGUF");
/** Requests for a file's bytes, not for its size. */
const downloads = (name: string) =>
  hub.requests.filter((request) => request.includes(`/storage/${name}`) && !request.endsWith("bytes=0-0"));

async function pullElsewhere(): Promise<string> {
  const face = new URL("../../../adapters/hub/index.ts", import.meta.url).href;
  const program = `const { pullModel } = await import(${JSON.stringify(face)});
process.stdout.write((await pullModel(${JSON.stringify(REPO)})).llm);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return text(child.stdout);
}

test("two processes that pull the same model at once fetch each file once", async () => {
  hub.interfere = ({ url, headers }, response) => {
    if (url !== "/storage/Tiny-Q4_K_M.gguf" || headers.range === "bytes=0-0") return false;
    // Slowly enough for the other process to want it meanwhile.
    response.writeHead(200, { "content-length": llm.length }).write(llm.subarray(0, 1000));
    setTimeout(() => response.end(llm.subarray(1000)), 3000);
    return true;
  };
  const [a, b] = await Promise.all([pullElsewhere(), pullElsewhere()]);
  expect(a).toBe(b);
  expect(await readFile(a)).toEqual(llm);
  expect(downloads("Tiny-Q4_K_M.gguf")).toHaveLength(1);
  expect(await readdir(locks())).toEqual([]);
}, 60_000);

test("a lock that a killed process has left is taken over", async () => {
  const lock = join(locks(), `${sha256(llm)}.pull`);
  await mkdir(locks(), { recursive: true });
  await writeFile(lock, "12345\n");
  const before = new Date(Date.now() - 60_000);
  await utimes(lock, before, before);
  const pulled = await pullGguf(REPO);
  expect(await readFile(pulled.llm)).toEqual(llm);
});

test("whoever waits for another process's download can be stopped", async () => {
  await mkdir(locks(), { recursive: true });
  await writeFile(join(locks(), `${sha256(llm)}.pull`), "12345\n");
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 300);
  await expect(pullModel(REPO, { signal: controller.signal })).rejects.toThrow("enough");
});

test("a file whose ETag changes while it is fetched is refused, and nothing of the new one is kept", async () => {
  const other = randomBytes(llm.length);
  let sizes = 0;
  hub.interfere = ({ url, headers }, response) => {
    if (url !== "/storage/Tiny-Q4_K_M.gguf") return false;
    if (headers.range === "bytes=0-0") {
      const etag = `"${sizes++ === 0 ? sha256(llm) : sha256(other)}"`;
      const range = `bytes 0-0/${llm.length}`;
      response.writeHead(206, { "x-linked-etag": etag, etag, "content-range": range }).end("x");
      return true;
    }
    response.writeHead(200, { "content-length": llm.length });
    response.write(llm.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
    return true;
  };
  await expect(pullModel(REPO)).rejects.toMatchObject({
    code: "INVALID_CHECKPOINT",
    message: expect.stringMatching(new RegExp(`${sha256(llm)}.*Tiny-Q4_K_M.gguf.*ETag is ${sha256(other)}`, "s")),
  });
  expect(sizes).toBe(2);
  const kept = await readFile(join(blobs(), `${sha256(llm)}.incomplete`));
  expect(kept).toEqual(llm.subarray(0, kept.length));
});

test("a file that the repository has replaced is fetched anew, not gone on with", async () => {
  const old = randomBytes(llm.length);
  await mkdir(blobs(), { recursive: true });
  await writeFile(join(blobs(), `${sha256(old)}.incomplete`), old.subarray(0, 123_456));
  const pulled = await pullGguf(REPO);
  expect(await readFile(pulled.llm)).toEqual(llm);
  expect(downloads("Tiny-Q4_K_M.gguf")).toHaveLength(1);
});

test("a repository that was renamed answers by redirects", async () => {
  hub.interfere = ({ url = "" }, response) => {
    if (!url.includes("someone/Old-Name")) return false;
    response.writeHead(307, { location: url.replace("someone/Old-Name", REPO) }).end();
    return true;
  };
  const pulled = await pullGguf("someone/Old-Name");
  expect(await readFile(pulled.llm)).toEqual(llm);
});
