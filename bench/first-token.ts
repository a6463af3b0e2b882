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
import { timeInTurn, timeProcess, timesTable } from "./lib/time-process.ts";

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

const ask = (checkout: string, options: readonly string[] = []) =>
  timeProcess(process.execPath, [join(checkout, "dist/cli.js"), "ask", photo, "Describe the image.", ...options]);

const sides = {
  "as it is": () => ask(here),
  "`--threads 2`": () => ask(here, ["--threads", "2"]),
  ...Object.fromEntries(values.against.map((checkout) => [checkout, () => ask(resolve(checkout))])),
};

const busy = Array.from({ length: Number(values.busy) }, () => spawn(process.execPath, ["--eval", "for (;;);"]));
try {
  const found = await timeInTurn(sides, Number(values.rounds));
  console.log(
    `${await environment("onnxruntime-node", "node-llama-cpp")}; ${values.rounds} rounds; ${busy.length} busy\n`,
  );
  console.log(timesTable(found, { first: "first word", whole: "last word", processor: "processor time" }));
} finally {
  for (const child of busy) child.kill();
}
