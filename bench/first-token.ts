/**
 * What a question costs from a cold process to its first word and to its last; prints the tables of docs/speed.md:
 *
 *   npm run build && node bench/first-token.ts [--rounds 9] [--busy 2] [--against <a built checkout>]... [photo]
 *
 * The sides are `vqrae ask` with the shipped model, each time a process of its own, in turn, round after round: with the threads that it
 * takes by itself, with the threads of two cores, and as other checkouts have it. Processor time is that of the process and of those
 * that it starts (Linux). `--busy` keeps so many cores busy beside. Ratios are medians of the rounds' to the first side.
 */
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { environment } from "../scripts/lib/environment.ts";
import { median } from "./lib/median.ts";
import { type ProcessTimes, timeProcess } from "./lib/time-process.ts";

const here = fileURLToPath(new URL("..", import.meta.url));
const { values, positionals } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    busy: { type: "string", default: "0" },
    against: { type: "string", multiple: true, default: [] },
  },
  allowPositionals: true,
});
const [photo = join(here, "examples/images/cat.jpg")] = positionals;

const sides: Record<string, { checkout: string; options: readonly string[] }> = {
  "as it is": { checkout: here, options: [] },
  "`--threads 2`": { checkout: here, options: ["--threads", "2"] },
};
for (const checkout of values.against) sides[checkout] = { checkout: resolve(checkout), options: [] };

const ask = ({ checkout, options }: (typeof sides)[string]) =>
  timeProcess(process.execPath, [join(checkout, "dist/cli.js"), "ask", photo, "Describe the image.", ...options]);

const busy = Array.from({ length: Number(values.busy) }, () => spawn(process.execPath, ["--eval", "for (;;);"]));
try {
  const found = new Map<string, ProcessTimes[]>(Object.keys(sides).map((name) => [name, []]));
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const [name, side] of Object.entries(sides)) {
      const one = await ask(side);
      if (round >= 0) found.get(name)!.push(one); // the round before the first fills the page cache
    }
  }
  console.log(
    `${await environment("onnxruntime-node", "node-llama-cpp")}; ${values.rounds} rounds; ${busy.length} busy\n`,
  );
  console.log("| | first word | last word | processor time |\n| --- | --- | --- | --- |");
  const base = [...found.values()][0]!;
  for (const [name, own] of found) {
    const cells = (["first", "whole", "processor"] as const).map((field) => {
      const ratio = median(own.map((one, round) => one[field] / base[round]![field]));
      return `${(median(own.map((one) => one[field])) / 1000).toFixed(2)} s, ${ratio.toFixed(2)}x`;
    });
    console.log(`| ${[name, ...cells].join(" | ")} |`);
  }
} finally {
  for (const child of busy) child.kill();
}
