import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("every-part.ts", import.meta.url));
const traced = await run("strace", ["-V"]).then(
  () => true,
  () => false,
);

/** onnxruntime sends nothing where one of these is set, so a CI machine would prove nothing. */
const CI = {
  CI: undefined,
  TF_BUILD: undefined,
  GITHUB_ACTIONS: undefined,
  GITLAB_CI: undefined,
  CIRCLECI: undefined,
  TRAVIS: undefined,
  JENKINS_URL: undefined,
  CODEBUILD_BUILD_ID: undefined,
  BUILDKITE: undefined,
  TEAMCITY_VERSION: undefined,
  APPVEYOR: undefined,
  BITBUCKET_BUILD_NUMBER: undefined,
  ORT_RUNNING_UNIT_TESTS: undefined,
};

/** Addresses that the process and its children connect or send to, and files of telemetry that they open. */
async function egress(env: Record<string, string> = {}): Promise<{ addresses: string[]; telemetry: string[] }> {
  const home = await temporaryFolder();
  const trace = join(home, "trace.txt");
  const calls = "connect,sendto,sendmsg,sendmmsg,openat,mkdir";
  const args = [
    "-f",
    "-qq",
    "-s",
    "200",
    "-e",
    `trace=${calls}`,
    "-o",
    trace,
    process.execPath,
    "--no-warnings",
    script,
  ];
  await run("strace", args, {
    env: {
      ...process.env,
      ...CI,
      ORT_DISABLE_TELEMETRY: undefined,
      HOME: home,
      XDG_CACHE_HOME: join(home, ".cache"),
      ...env,
    },
  });
  const lines = (await readFile(trace, "utf8")).split("\n");
  return {
    addresses: lines
      .flatMap((line) => /inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/.exec(line)?.slice(1) ?? [])
      .filter((address) => address !== undefined),
    telemetry: lines.filter((line) => /machine-id|DeveloperTools/.test(line)),
  };
}

const LOOPBACK = ["127.0.0.1", "::1"];

// Linux only. CI has strace.
test.skipIf(!traced)(
  "load, encode, decode, ask, generate and serve reach no network and write no telemetry",
  async () => {
    const { addresses, telemetry } = await egress();
    expect(addresses).toContain("127.0.0.1"); // the request that the script sends itself: the trace sees connections
    expect(addresses.filter((address) => !LOOPBACK.includes(address))).toEqual([]);
    expect(telemetry).toEqual([]);
  },
  120_000,
);

test.skipIf(!traced)(
  "a value of ORT_DISABLE_TELEMETRY that you set stays",
  async () => {
    const { telemetry } = await egress({ ORT_DISABLE_TELEMETRY: "0" });
    expect(telemetry).not.toEqual([]);
  },
  120_000,
);
