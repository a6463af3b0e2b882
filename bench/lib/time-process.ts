import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { median } from "./median.ts";

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
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2000);
  });
  const ended = once(child, "close");
  await Promise.race([once(child.stdout, "data"), ended]);
  const first = performance.now() - start;
  child.stdout.resume();
  const [code] = await ended;
  if (code !== 0) throw new Error(`${[basename(program), ...args].join(" ")} ended with ${code}: ${said}`);
  return { first, whole: performance.now() - start, processor: processorMsOfChildren() - before };
}

/** Times the sides in turn, round after round. A round that is not counted comes first: it fills caches. */
export async function timeInTurn(
  sides: Readonly<Record<string, () => Promise<ProcessTimes>>>,
  rounds: number,
): Promise<Map<string, ProcessTimes[]>> {
  const found = new Map<string, ProcessTimes[]>(Object.keys(sides).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, side] of Object.entries(sides)) {
      const one = await side();
      if (round >= 0) found.get(name)!.push(one);
    }
  }
  return found;
}

/** A table of medians in seconds, and of the medians of the rounds' ratios to the first side. @param columns their heads, by what they show */
export function timesTable(
  found: ReadonlyMap<string, readonly ProcessTimes[]>,
  columns: Partial<Record<keyof ProcessTimes, string>>,
): string {
  const [base = []] = found.values();
  const fields = Object.keys(columns) as (keyof ProcessTimes)[];
  const rows = [...found].map(([name, times]) => {
    const cells = fields.map((field) => {
      const ratio = median(times.map((one, round) => one[field] / base[round]![field]));
      return `${(median(times.map((one) => one[field])) / 1000).toFixed(2)} s, ${ratio.toFixed(2)}x`;
    });
    return [name, ...cells];
  });
  const lines = [["", ...Object.values(columns)], ["---", ...fields.map(() => "---")], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
