import { mkdir, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { VqraeError } from "../../../sdk/index.ts";
import { onDisk, writeWhole } from "../../../sdk/kit.ts";
import type { ShardInput } from "../inputs/member.ts";
import type { TokenizeOptions } from "../tokenize-options.ts";
import { type ShardResult, tokenizeShard } from "../tokenize-shard.ts";

/** A worker says this often that it lives. */
const BEAT_MS = 2000;

/** `running/<shard>.<worker>.json`: how far a shard is, for `readStatus`. Nothing rests on it. */
export interface Beat {
  readonly shard: string;
  readonly host: string;
  readonly pid: number;
  readonly images: number;
  readonly seconds: number;
}

/** `tokenizeShard`, which leaves signs for `readStatus` on the way. @throws as it does */
export async function runShard(input: ShardInput, output: string, options: TokenizeOptions): Promise<ShardResult> {
  const beat = join(output, "running", `${input.name}.${hostname()}-${process.pid}.json`);
  const failure = failurePath(output, input.name);
  for (const folder of ["running", "failed"]) {
    await onDisk(join(output, folder), () => mkdir(join(output, folder), { recursive: true }));
  }
  const started = performance.now();
  let images = 0;
  const tell = (): void => {
    const seconds = (performance.now() - started) / 1000;
    const signs: Beat = { shard: input.name, host: hostname(), pid: process.pid, images, seconds };
    writeFile(beat, JSON.stringify(signs)).catch(() => {}); // a sign that is missing harms nobody
  };
  tell();
  const timer = setInterval(tell, BEAT_MS);
  try {
    const result = await tokenizeShard(input, output, {
      ...options,
      onProgress(done) {
        images = done;
        options.onProgress?.(done);
      },
    });
    await rm(failure, { force: true }).catch(() => {});
    return result;
  } finally {
    clearInterval(timer);
    await rm(beat, { force: true }).catch(() => {});
  }
}

/** Notes that a shard is given up, with the reason. */
export async function markFailed(output: string, name: string, error: unknown): Promise<void> {
  const code = VqraeError.isInstance(error) ? error.code : "RUNTIME";
  const message = error instanceof Error ? error.message : String(error);
  await writeWhole(failurePath(output, name), `${JSON.stringify({ shard: name, code, message })}\n`);
}

const failurePath = (output: string, name: string): string => join(output, "failed", `${name}.json`);
