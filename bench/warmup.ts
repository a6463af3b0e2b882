/**
 * How much longer the first call takes than the second, without and with `warmup`:
 *
 *   node bench/warmup.ts <image> [--model default] [--rounds 9]
 *
 * Both sides are loaded in turn, each time anew; the first of the rounds fills the page cache and is left out.
 */
import { parseArgs } from "node:util";
import { environment } from "../scripts/lib/environment.ts";
import { VQRAE } from "../sdk/index.ts";
import { median } from "./lib/median.ts";

const { values, positionals } = parseArgs({
  options: { model: { type: "string", default: "default" }, rounds: { type: "string", default: "9" } },
  allowPositionals: true,
});
const [image] = positionals;
if (!image) throw new Error("Expected an image.");

interface Times {
  readonly load: number[];
  readonly first: number[];
  readonly second: number[];
}
const sides: Record<"cold" | "warm", Times> = {
  cold: { load: [], first: [], second: [] },
  warm: { load: [], first: [], second: [] },
};

async function timed<T>(times: number[], work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  times.push(performance.now() - start);
  return result;
}

for (let round = 0; round <= Number(values.rounds); round++) {
  for (const [side, { load, first, second }] of Object.entries(sides)) {
    const options = { device: "cpu", warmup: side === "warm" } as const;
    const tokenizer = await timed(load, () => VQRAE.load(values.model, options));
    const call = async () => {
      const { ids } = await tokenizer.encode(image);
      if (ids && tokenizer.info.outputSize) await tokenizer.decode(ids);
    };
    await timed(first, call);
    await timed(second, call);
    await tokenizer.dispose();
  }
}

console.log(
  `${await environment()}\n\n| | load ms | first call ms | second call ms | first / second |\n|---|---|---|---|---|`,
);
for (const [side, { load, first, second }] of Object.entries(sides)) {
  const ratios = first.map((time, i) => time / second[i]!);
  const [loadMs, firstMs, secondMs, ratio] = [load, first, second, ratios].map((list) => median(list.slice(1)));
  const cells = [loadMs!.toFixed(0), firstMs!.toFixed(0), secondMs!.toFixed(0), ratio!.toFixed(2)];
  console.log(`| ${side === "warm" ? "warmup: true" : "without"} | ${cells.join(" | ")} |`);
}
