import { expectedBut } from "../../../sdk/kit.ts";

const LEAST_NODE = [22, 12] as const;
const SERVER = "Serve the model with llama-server and use the pixel carrier instead (docs/llama-server.md).";

/** What a program runs in: `process.versions`. Bun and Deno name a Node version too, the one that they imitate. */
type Versions = Readonly<Record<string, string | undefined>>;

/**
 * Refuses a runtime in which images cannot reach llama.cpp in this process, before a model is loaded.
 * @throws UNSUPPORTED naming the runtime and what it lacks
 */
export function requireNode(versions: Versions = process.versions): void {
  const subject = "llama.cpp in this process";
  for (const [name, version] of [
    ["Bun", versions.bun],
    ["Deno", versions.deno],
  ] as const) {
    if (version === undefined) continue;
    const received = `${name} ${version}, which lacks the C++ functions of Node that reach an addon's objects`;
    throw expectedBut("UNSUPPORTED", "Node", subject, received, `Run it with node. Or: ${SERVER}`);
  }
  const [major = 0, minor = 0] = (versions.node ?? "").split(".").map(Number);
  const [leastMajor, leastMinor] = LEAST_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw expectedBut("UNSUPPORTED", `Node ${LEAST_NODE.join(".")} or newer`, subject, `Node ${versions.node}`);
}
