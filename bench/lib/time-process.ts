import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { basename } from "node:path";

/** Of a process of its own, in ms from its start. */
export interface ProcessTimes {
  /** Until it wrote for the first time. */
  readonly first: number;
  readonly whole: number;
  /** Processor time of it and of those that it started; NaN outside of Linux. */
  readonly processor: number;
}

const TICK_MS = 10;

/** Of processes that ended: those that this one started, and theirs. */
function processorMsOfChildren(): number {
  if (process.platform !== "linux") return Number.NaN;
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

/** Runs a program to its end. Only one at a time. */
export async function timeProcess(program: string, args: readonly string[]): Promise<ProcessTimes> {
  const before = processorMsOfChildren();
  const start = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "close");
  await Promise.race([once(child.stdout, "data"), ended]);
  const first = performance.now() - start;
  child.stdout.resume();
  const [code] = await ended;
  if (code !== 0) throw new Error(`${[basename(program), ...args].join(" ")} ended with ${code}.`);
  return { first, whole: performance.now() - start, processor: processorMsOfChildren() - before };
}
