import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const path = (relative: string) => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));

const main = path("cli/main.ts");
/** 32 px in, 4 x 4 ids of a codebook of 64 x 16, 16 px out, features of 32 and a class token; random weights. */
export const tinyModel = path("test/golden/graph/vqrae-two-layers");
/** An encoder alone: 3 x 3 tokens of 16 features. */
export const tinyEncoder = path("test/golden/checkpoint/siglip-vision");
export const photo = path("test/golden/image/photo.jpg");

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command line in a process of its own. */
export const runCli = (...args: string[]): Promise<CliResult> => runCliWith(null, ...args);

/** The same with `input` on standard input. */
export function runCliWith(input: string | Uint8Array | null, ...args: string[]): Promise<CliResult> {
  const env = { ...process.env, NODE_NO_WARNINGS: "1" }; // Node warns of type stripping, which the built CLI has no need of
  return new Promise((done) => {
    const child = execFile(process.execPath, [main, ...args], { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      done({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
    if (input !== null) child.stdin?.end(input);
  });
}

/** Hands `use` a new folder and deletes it afterwards. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-cli-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
