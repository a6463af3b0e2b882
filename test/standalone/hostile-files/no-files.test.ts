import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { jsonLines, parquetRows, tsvRows } from "../../../adapters/benchmarks/index.ts";
import { parquetFiles } from "../../../adapters/benchmarks/kit/readers/find-files.ts";
import { fileImage } from "../../../adapters/benchmarks/kit/readers/images.ts";
import { dataFiles } from "../../../adapters/benchmarks/run/data-files.ts";
import { readIfThere } from "../../../adapters/benchmarks/run/read-if-there.ts";
import { readGguf } from "../../../adapters/gguf/index.ts";
import { loadVlm, openLanguageModel } from "../../../adapters/llama-cpp/index.ts";
import { keyedImage } from "../../../adapters/llama-cpp/vision/image-content.ts";
import { imageUrl } from "../../../adapters/openai-client/image-url.ts";
import { findTemplate } from "../../../adapters/prompt/index.ts";
import { loadProjector, readImage, VQRAE, VqraeError } from "../../../sdk/index.ts";
import { openFile, openSafetensors, readJsonObject } from "../../../sdk/kit.ts";
import { noteTried } from "../../helpers/tried.ts";

/** Reads all that a reader gives. */
async function drain(rows: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of rows) {
  }
}

/** Whatever takes the path of a file. */
const readers: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  readImage,
  imageUrl,
  "an image of ask": async (path) => {
    const { image } = await keyedImage(path, "x");
    return readImage(image);
  },
  openFile,
  openSafetensors,
  readGguf,
  readJsonObject: (path) => readJsonObject(path, "INVALID_CONFIG"),
  "VQRAE.load": (path) => VQRAE.load(path),
  loadProjector: (path) => loadProjector(path),
  openLanguageModel: (path) => openLanguageModel(path),
  loadVlm: (path) => loadVlm(path),
  "the mmproj of loadVlm": (mmproj) => loadVlm("models/vqrae-tiny-vlm/llm.gguf", { mmproj }),
  chatTemplate: (chatTemplate) => findTemplate({ chatTemplate }),
  tsvRows: (path) => drain(tsvRows(path, ["a"])),
  parquetRows: (path) => drain(parquetRows([path], ["a"], [])),
  jsonLines: (path) => drain(jsonLines(path)),
  "an image of a benchmark": (path) => fileImage(path).bytes(),
  "the files of a benchmark": (path) => parquetFiles(path),
  "a benchmark's data": (path) => dataFiles(path),
  "a file of a run": (path) => readIfThere(path),
};

const TAKES_FOLDERS = ["a benchmark's data"];
const TIME_LIMIT_MS = 10_000;

let folder: string;
let socket: Server;
const paths: Record<string, string> = {};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-hostile-"));
  paths["a pipe"] = join(folder, "pipe");
  execFileSync("mkfifo", [paths["a pipe"]]);
  paths["a device without end"] = "/dev/zero";
  paths["a terminal"] = "/dev/tty";
  paths["a socket"] = join(folder, "socket");
  socket = createServer().listen(paths["a socket"]);
  paths["a folder"] = join(folder, "folder");
  await mkdir(paths["a folder"]);
  paths["a link to a pipe"] = join(folder, "link.gguf");
  await symlink(paths["a pipe"], paths["a link to a pipe"]);
  paths["a link to itself"] = join(folder, "loop.json");
  await symlink("loop.json", paths["a link to itself"]);
  paths["a name of 5,000 characters"] = join(folder, "x".repeat(5000));
});
afterAll(async () => {
  socket.close();
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(process.platform === "win32").each(Object.entries(readers))("%s", (name, read) => {
  it("refuses what is no file, at once, by a typed error", async () => {
    for (const [what, path] of Object.entries(paths)) {
      if (TAKES_FOLDERS.includes(name) && what === "a folder") continue;
      const late = AbortSignal.timeout(TIME_LIMIT_MS);
      const waited = new Promise((resolve) => late.addEventListener("abort", () => resolve("nothing within 10 s")));
      const outcome = await Promise.race([
        read(path).then(
          () => "no error",
          (error: unknown) => error,
        ),
        waited,
      ]);
      const message = outcome instanceof Error ? outcome.stack : String(outcome);
      expect(VqraeError.isInstance(outcome), `${what}: ${message}`).toBe(true);
      noteTried("what is no file", 1);
    }
  }, 60_000);
});
