import { fork } from "node:child_process";
import { workerFile } from "../../files/package-file.ts";
import type { GpuProvider } from "../pool/protocol.ts";
import { telemetryOff } from "../telemetry.ts";
import { type ProbeResult, parseProbeResult } from "./probe-result.ts";
import { reason } from "./providers.ts";

/** A driver compiles its shaders within seconds; one that takes longer hangs. */
const TIME_LIMIT_MS = 60_000;

/** Tries a provider in a process of its own and gives what came of it, or how that process ended. Never rejects. */
export function runProbe(
  provider: GpuProvider,
  { file = workerFile("probe-process"), timeLimit = TIME_LIMIT_MS }: { file?: URL; timeLimit?: number } = {},
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const child = fork(file, [provider], {
      execArgv: [],
      env: { ...process.env, ...telemetryOff(), NODE_NO_WARNINGS: "1" }, // what comes on standard error is the driver's
      silent: true,
      timeout: timeLimit,
      killSignal: "SIGKILL", // a driver that hangs may not let go of anything milder
    });
    let [output, errors] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    child.on("error", (error) => resolve({ ok: false, error: `its test could not be started: ${reason(error)}` }));
    child.on("close", (code, signal) => {
      const end = child.killed ? "without an answer in time" : `with ${signal ?? `exit code ${code}`}`;
      const [said] = errors.trim().split("\n");
      resolve(parseProbeResult(output) ?? { ok: false, error: `its test ended ${end}${said ? `: ${said}` : ""}` });
    });
  });
}
