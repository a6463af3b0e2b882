/**
 * What the built command line costs before it does anything; prints the table of docs/speed.md:
 *
 *   npm run build && node bench/start.ts [--rounds 7]
 *
 * The command lines run in turn, round after round, each in a process of its own. Times are that process's own processor time,
 * from its start to its end: other programs on the machine change those least.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { environment } from "../scripts/lib/environment.ts";
import { median } from "./lib/median.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "7" } } });
const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const says = 'process.on("exit", () => console.error(JSON.stringify(process.cpuUsage())))';
const counted = ["--import", `data:text/javascript,${encodeURIComponent(says)}`];

const bare = "node alone";
const sides: Record<string, readonly string[]> = {
  [bare]: ["--eval", "0"],
  "vqrae --help": [cli, "--help"],
  "vqrae encode --help": [cli, "encode", "--help"],
  "vqrae ask --help": [cli, "ask", "--help"],
  "vqrae serve --help": [cli, "serve", "--help"],
  "vqrae inspect": [cli, "inspect"],
};

async function processorMs(args: readonly string[]): Promise<number> {
  const { stderr } = await promisify(execFile)(process.execPath, [...counted, ...args]);
  const { user, system } = JSON.parse(stderr);
  return (user + system) / 1000;
}

const times = Object.fromEntries(Object.keys(sides).map((name) => [name, [] as number[]]));
for (let round = -1; round < Number(values.rounds); round++) {
  for (const [name, args] of Object.entries(sides)) {
    const ms = await processorMs(args);
    if (round >= 0) times[name]!.push(ms); // the round before the first brings the files into the page cache
  }
}
console.log(`${await environment()}; ${values.rounds} rounds\n`);
console.log("| | processor time | ratio |\n| --- | --- | --- |");
for (const [name, own] of Object.entries(times)) {
  const ratio = median(own.map((ms, round) => ms / times[bare]![round]!));
  console.log(`| ${name} | ${median(own).toFixed(0)} ms | ${ratio.toFixed(2)}x |`);
}
