import type { Redis } from "ioredis";
import { expectedBut } from "../../../sdk/kit.ts";

const CONNECT_MS = 10_000;
const INSTALL = "Install them beside vqrae: `npm install bullmq ioredis`.";

export type BullMq = typeof import("bullmq");

/** BullMQ, which is installed by those who use a queue. @throws MISSING_DEPENDENCY */
export async function loadBullMq(): Promise<BullMq> {
  try {
    return await import("bullmq");
  } catch (cause) {
    throw notInstalled(cause);
  }
}

const notInstalled = (cause: unknown) =>
  expectedBut("MISSING_DEPENDENCY", "the packages bullmq and ioredis", "a queue", "none", { mend: INSTALL, cause });

/**
 * A connection to Redis or Valkey that comes back by itself after the server was away, however long.
 * @throws SERVER_UNREACHABLE where it cannot be made at all; MISSING_DEPENDENCY
 */
export async function connect(url: string): Promise<Redis> {
  const loaded = await import("ioredis").catch((cause: unknown) => {
    throw notInstalled(cause);
  });
  const redis = new loaded.Redis(url, { maxRetriesPerRequest: null });
  const reasons: string[] = [];
  redis.on("error", (error: Error) => {
    if (reasons.length === 0) reasons.push(error.message);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const received = reasons[0] || "no answer within 10 seconds";
      reject(expectedBut("SERVER_UNREACHABLE", "a Redis or Valkey server", withoutPassword(url), received));
    }, CONNECT_MS);
  });
  try {
    await Promise.race([redis.ping(), late]);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return "the address of the queue";
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
