import { resolve, sep } from "node:path";
import { VqraeError } from "../../../sdk/index.ts";
import { LinkedAbortController } from "../../../sdk/kit.ts";
import type { ShardInput } from "../inputs/member.ts";
import { mergeManifest, openManifest } from "../manifest.ts";
import { type TokenizeOptions, tokenizeSpec } from "../tokenize-options.ts";
import { markFailed, runShard } from "./run-shard.ts";

/** How shards are run in this process. */
export interface RunShardsOptions extends Omit<TokenizeOptions, "onProgress"> {
  /** Shards that are in work at a time, so that the encoder is busy while one begins or ends (default 2). */
  readonly shardsAtOnce?: number;
  /** How often a shard is tried before it is given up (default 2). */
  readonly attempts?: number;
  readonly onProgress?: (progress: RunProgress) => void;
}

export interface RunProgress {
  readonly shards: number;
  /** Shards of this run that are done, whoever did them. */
  readonly done: number;
  readonly failed: number;
  /** Images that this run has encoded. */
  readonly images: number;
  readonly imagesPerSecond: number;
}

export interface RunSummary {
  /** Shards that this run wrote. */
  readonly written: number;
  /** Shards that were done before. */
  readonly skipped: number;
  readonly images: number;
  readonly errors: number;
  readonly seconds: number;
  readonly failed: readonly { readonly shard: string; readonly error: unknown }[];
}

/** Faults of the call itself: every other shard would meet them too. */
const FATAL: ReadonlySet<string> = new Set(["INVALID_ARGUMENT", "UNSUPPORTED", "DISPOSED", "MISSING_DEPENDENCY"]);

/**
 * Tokenises shards in this process, a few at a time, and merges the manifest. A shard that is done is passed over; one that fails
 * is tried again, then named in the summary and in `failed/`, and the others go on.
 * @throws INCOMPATIBLE for an output of another model or other options; what every shard would meet: INVALID_ARGUMENT, UNSUPPORTED,
 * IO_ERROR of the output; the signal's reason
 */
export async function runShards(
  shards: readonly ShardInput[],
  output: string,
  { shardsAtOnce = 2, attempts = 2, onProgress, ...options }: RunShardsOptions,
): Promise<RunSummary> {
  const started = performance.now();
  const names = shards.map(({ name }) => name);
  await openManifest(output, tokenizeSpec(options), names);
  const [live, failed] = [new Map<string, number>(), [] as { shard: string; error: unknown }[]];
  let [next, written, skipped, images, errors] = [0, 0, 0, 0, 0];
  const stop = new LinkedAbortController(options.signal);
  const { signal } = stop;

  const tell = (): void => {
    const encoded = images + [...live.values()].reduce((sum, count) => sum + count, 0);
    onProgress?.({
      shards: shards.length,
      done: written + skipped,
      failed: failed.length,
      images: encoded,
      imagesPerSecond: (encoded * 1000) / (performance.now() - started),
    });
  };
  const one = async (shard: ShardInput): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        const { state, stats } = await runShard(shard, output, {
          ...options,
          signal,
          onProgress(count) {
            live.set(shard.name, count);
            tell();
          },
        });
        if (state === "written") {
          written++;
          images += stats.images;
        } else skipped++;
        errors += stats.errors;
        return;
      } catch (error) {
        if (signal.aborted || isFatal(error, output)) throw error;
        if (attempt < attempts && !isAlarm(error)) continue;
        failed.push({ shard: shard.name, error });
        await markFailed(output, shard.name, error);
        return;
      } finally {
        live.delete(shard.name);
        tell();
      }
    }
  };
  const lane = async (): Promise<void> => {
    try {
      for (let shard = shards[next++]; shard !== undefined; shard = shards[next++]) await one(shard);
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  tell();
  const ends = await Promise.allSettled(Array.from({ length: shardsAtOnce }, lane));
  stop.unlink();
  if (signal.aborted) throw signal.reason;
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  await mergeManifest(output);
  return { written, skipped, images, errors, failed, seconds: (performance.now() - started) / 1000 };
}

/** Whether another try, or another shard, would meet the same. */
export function isFatal(error: unknown, output: string): boolean {
  if (!VqraeError.isInstance(error)) return false;
  if (FATAL.has(error.code)) return true;
  const ofOutput = error.path !== undefined && `${resolve(error.path)}${sep}`.startsWith(`${resolve(output)}${sep}`);
  return ofOutput && error.code === "IO_ERROR";
}

/** Two results of one shard, or an input that changed: no further try mends it. */
export const isAlarm = (error: unknown): boolean =>
  VqraeError.isInstance(error) && (error.code === "ALREADY_EXISTS" || error.code === "INCOMPATIBLE");
