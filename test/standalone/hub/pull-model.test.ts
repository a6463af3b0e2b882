import { randomBytes } from "node:crypto";
import { readFile, realpath, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { type PullPlan, type PullProgress, pullModel } from "../../../adapters/hub/index.ts";
import { COMMIT, type LocalHub, type LocalHubFile, pullGguf, sha256, startHubAndCache } from "./local-hub.ts";

const REPO = "someone/Tiny-VLM-GGUF";
const llm = randomBytes(3_000_000);
const mmproj = randomBytes(200_000);
const files: Record<string, LocalHubFile> = {
  "README.md": { content: Buffer.from("# Tiny"), lfs: false },
  "Tiny-Q4_K_M.gguf": { content: llm, lfs: true },
  "mmproj-Tiny-F16.gguf": { content: mmproj, lfs: true },
};

let cache: string;
let hub: LocalHub;
beforeEach(async () => {
  ({ hub, cache } = await startHubAndCache(REPO, files));
});

const blob = (content: Buffer) => join(cache, "models--someone--Tiny-VLM-GGUF", "blobs", sha256(content));
const downloads = () => hub.requests.filter((request) => request.includes("/storage/"));

describe("pullModel", () => {
  test("fetches model and mmproj into the Hugging Face cache, says what before and how far meanwhile", async () => {
    const plans: PullPlan[] = [];
    const done: number[] = [];
    const onPlan = (plan: PullPlan) => plans.push(plan);
    const onProgress = ({ doneBytes }: PullProgress) => done.push(doneBytes);
    const pulled = await pullGguf(REPO, { onPlan, onProgress });
    const snapshot = join(cache, "models--someone--Tiny-VLM-GGUF", "snapshots", COMMIT);
    expect(pulled).toEqual({
      llm: join(snapshot, "Tiny-Q4_K_M.gguf"),
      mmproj: join(snapshot, "mmproj-Tiny-F16.gguf"),
    });
    expect(await readFile(pulled.llm)).toEqual(llm);
    expect(await realpath(pulled.mmproj)).toBe(await realpath(blob(mmproj)));
    const bytes = llm.length + mmproj.length;
    expect(plans).toMatchObject([{ commit: COMMIT, licence: "apache-2.0", bytes, missingBytes: bytes }]);
    expect(done.at(-1)).toBe(bytes);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
  });

  test("what the cache has is not fetched again", async () => {
    await pullModel(REPO);
    hub.requests.length = 0;
    const plans: PullPlan[] = [];
    await pullModel(REPO, { onPlan: (plan) => plans.push(plan) });
    expect(downloads()).toEqual([]);
    expect(plans).toMatchObject([{ missingBytes: 0 }]);
  });

  test("a connection that breaks goes on where it was", async () => {
    let broken = 0;
    hub.interfere = ({ url, headers }, response) => {
      if (url !== "/storage/Tiny-Q4_K_M.gguf" || headers.range === "bytes=0-0" || broken++ > 1) return false;
      const from = Number(/bytes=(\d+)/.exec(headers.range ?? "bytes=0")?.[1] ?? 0);
      response.writeHead(from === 0 ? 200 : 206, {
        etag: `"${sha256(llm)}"`,
        "content-length": llm.length - from,
        "content-range": `bytes ${from}-${llm.length - 1}/${llm.length}`,
      });
      response.write(llm.subarray(from, from + 1_000_000), () => setTimeout(() => response.destroy(), 50));
      return true;
    };
    const { llm: path } = await pullGguf(REPO);
    expect(await readFile(path)).toEqual(llm);
    expect(broken).toBeGreaterThan(1);
    expect(downloads().some((request) => /bytes=[1-9]\d*-2999999/.test(request))).toBe(true);
  });

  test("what a killed process has left is gone on with", async () => {
    await pullModel(REPO);
    const { rename, rm } = await import("node:fs/promises");
    await rename(blob(llm), `${blob(llm)}.incomplete`);
    await writeFile(`${blob(llm)}.incomplete`, llm.subarray(0, 1_234_567));
    await rm(join(cache, "models--someone--Tiny-VLM-GGUF", "snapshots"), { recursive: true });
    hub.requests.length = 0;
    const { llm: path } = await pullGguf(REPO);
    expect(await readFile(path)).toEqual(llm);
    expect(downloads()).toContain("GET /storage/Tiny-Q4_K_M.gguf bytes=1234567-2999999");
  });

  test("content of another hash is refused, and nothing of it stays", async () => {
    const other = Buffer.from(llm);
    other[1_000_000] = (other[1_000_000] ?? 0) ^ 1;
    hub.interfere = ({ url, headers }, response) => {
      if (url !== "/storage/Tiny-Q4_K_M.gguf" || headers.range === "bytes=0-0") return false;
      response.writeHead(200, { "content-length": other.length }).end(other);
      return true;
    };
    await expect(pullModel(REPO)).rejects.toMatchObject({
      code: "INVALID_CHECKPOINT",
      message: expect.stringMatching(new RegExp(`${sha256(llm)}.*Tiny-Q4_K_M.gguf.*${sha256(other)}`, "s")),
    });
    await expect(stat(blob(llm))).rejects.toThrow();
    await expect(stat(`${blob(llm)}.incomplete`)).rejects.toThrow();
  });

  test("a disk without room for it is refused before anything is fetched", async () => {
    const bytes = 2 ** 60;
    hub.interfere = ({ url }, response) => {
      if (!url?.includes("/tree/")) return false;
      const entry = (path: string) => ({
        type: "file",
        path,
        size: 1,
        oid: COMMIT,
        lfs: { oid: sha256(llm), size: bytes },
      });
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify([entry("M-Q8_0.gguf"), entry("mmproj.gguf")]));
      return true;
    };
    await expect(pullModel(REPO)).rejects.toMatchObject({ code: "IO_ERROR", path: cache });
    expect(downloads()).toEqual([]);
  });

  test.each([
    [401, /HF_TOKEN/],
    [403, /Accept the model's terms/],
    [404, /repository's name/],
  ])("status %i is an error with its mend", async (status, mend) => {
    hub.interfere = (_, response) => {
      response.writeHead(status, { "content-type": "application/json" }).end('{"error":"no"}');
      return true;
    };
    await expect(pullModel(REPO)).rejects.toMatchObject({ code: "SERVER_ERROR", message: expect.stringMatching(mend) });
  });

  test("HF_TOKEN is sent to the hub", async () => {
    vi.stubEnv("HF_TOKEN", "hf_secret");
    const seen = new Set<string | undefined>();
    hub.interfere = ({ headers }) => {
      seen.add(headers.authorization);
      return false;
    };
    await pullModel(REPO);
    expect(seen).toContain("Bearer hf_secret");
  });

  test("a token that is none of the hub's is an error that does not show it", async () => {
    vi.stubEnv("HF_TOKEN", "sk-secret");
    const error = await pullModel(REPO).catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/begins with "hf_" for HF_TOKEN/),
    });
    expect(String(error)).not.toContain("sk-secret");
    expect(hub.requests).toEqual([]);
  });

  test("offline, or with a hub that cannot be reached, the cache's model is used, or its lack is named", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(pullModel(REPO)).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
    expect(hub.requests).toEqual([]);
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
    const pulled = await pullModel(REPO);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await pullModel(`${REPO}:Q4_K_M`)).toEqual(pulled);
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
    expect(await pullModel(REPO)).toEqual(pulled);
    await expect(pullModel("someone/other")).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
  });

  test("an abort ends a download, and the next one goes on", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const pulling = pullModel(REPO, {
      signal: controller.signal,
      onProgress: ({ doneBytes }) => doneBytes > 0 && controller.abort(reason),
    });
    await expect(pulling).rejects.toBe(reason);
    expect(await readFile((await pullGguf(REPO)).llm)).toEqual(llm);
  });

  test("names and options are checked before anything is asked", async () => {
    await expect(pullModel("no-owner")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(pullModel(REPO, { onprogress: () => {} } as never)).rejects.toThrow(/onprogress/);
    await expect(pullModel(`${REPO}:Q2_K`)).rejects.toThrow(/the quantization Q2_K .*Q4_K_M/s);
    expect(downloads()).toEqual([]);
  });
});
