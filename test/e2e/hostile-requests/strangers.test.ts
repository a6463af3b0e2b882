import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { writeTinyFiles } from "../../helpers/tiny-endpoint.ts";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import type { Strangers } from "./strangers.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("strangers.ts", import.meta.url));
/** Whether a process may have a network of its own here. */
const apart = await run("unshare", ["-rn", "ip", "link", "set", "lo", "up"]).then(
  () => true,
  () => false,
);

test.skipIf(!apart)(
  "strangers that are slow, silent or greedy keep nobody out and take no memory",
  {
    timeout: 240_000,
  },
  async () => {
    const files = JSON.stringify(await writeTinyFiles(await temporaryFolder()));
    const { stdout } = await run("unshare", ["-rn", process.execPath, "--no-warnings", script, files]);
    const { besideSlow, idle, downloads, grownMiB, health } = JSON.parse(stdout) as Strangers;
    expect(besideSlow).toEqual([200, 200, 200, 200, 200]);
    // 1,024 connections at a time, /health's among them; 10 seconds without a request.
    expect(idle.first).toBeGreaterThan(900);
    expect(idle.first).toBeLessThanOrEqual(1024);
    expect(idle.later).toBe(0);
    // 32 MiB for one request, though each image is smaller.
    expect(downloads).toEqual([400, 400, 400, 400, 400, 400]);
    expect(grownMiB).toBeLessThan(512);
    expect(health.failed).toEqual([]);
    expect(health.answered).toBeGreaterThan(50);
  },
);
