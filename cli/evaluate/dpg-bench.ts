import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type DpgReport,
  dpgGrid,
  readDpgAnswers,
  readDpgItems,
  runDpgBench,
  vlmJudge,
} from "../../adapters/benchmarks/index.ts";
import { encodePng, readImage } from "../../sdk/index.ts";
import { expected, writeWhole } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, flag, option } from "../command/option.ts";
import { requireOne, usageError } from "../command/usage-error.ts";
import { text, wholeNumber } from "../command/value-types.ts";
import { json } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { withProgress } from "../shared/progress.ts";
import { anyVlmOptions, withAnyVlm } from "../vlm/with-any-vlm.ts";

export const dpgBench = defineCommand({
  arguments: {
    folder: argument("A picture <item_id>.png of each item. With --grids, a folder of images of each item"),
  },
  options: {
    grids: option(
      text("folder"),
      "Write a 2 x 2 grid of each sub-folder's first four images to this folder. Nothing is scored",
    ),
    csv: option(text("dpg_bench.csv"), "The questions"),
    answers: option(text("answers.jsonl"), "Score by answers that another model gave"),
    judge: flag("Score by a vision language model's answers. Not comparable with published numbers"),
    resolution: option(wholeNumber("pixels", { least: 1 }), "The side of one image of a grid", { default: 512 }),
    pics: option(wholeNumber("count", { least: 1, most: 4 }), "How many images of a grid are asked about", {
      default: 4,
    }),
    allRows: flag("Keep the table's first row, which the reference leaves out"),
    ...anyVlmOptions,
    json,
  },
  notes: [
    "--endpoint and the options below it say which model is the --judge. docs/benchmarks-generation.md shows the form of " +
      "answers.jsonl.",
  ],
  examples: [
    "vqrae evaluate dpg-bench ./images --grids ./grids",
    "vqrae evaluate dpg-bench ./grids --csv dpg_bench.csv --answers answers.jsonl",
    "vqrae evaluate dpg-bench ./grids --csv dpg_bench.csv --judge",
  ],
  async run({ folder, csv, answers, judge, grids, resolution, pics, allRows, json, ...args }, name) {
    if (grids !== undefined) {
      const count = await writeGrids(folder, grids);
      printResult(json, { folder: grids, grids: count }, () => [`${grids}: ${count} grids`]);
      return;
    }
    if (csv === undefined) throw usageError(name, "--csv", "nothing");
    requireOne(name, { "--answers": answers !== undefined, "--judge": judge });
    const items = await readDpgItems(csv, { skipFirstRow: !allRows });
    const report = await withProgress(args, async (progress) => {
      const onProgress = (done: number, total: number) => progress.say(`${done} of ${total} pictures`);
      const options = { resolution, pics, onProgress };
      return answers === undefined
        ? withAnyVlm(name, args, (model) => runDpgBench(folder, items, { judge: vlmJudge(model) }, options))
        : runDpgBench(folder, items, { answers: await readDpgAnswers(answers) }, options);
    });
    printResult(json, report, () => linesOf(report));
  },
});

/** Each sub-folder's images, in the order of their names. */
async function writeGrids(folder: string, target: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: Error) => {
    throw expected("INVALID_ARGUMENT", "a readable folder", "the images", folder, { cause });
  });
  const items = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  if (items.length === 0) throw expected("INVALID_ARGUMENT", "sub-folders of images", "the images", folder);
  for (const item of items) {
    const files = (await readdir(join(folder, item))).filter((file) => /\.(png|jpe?g|webp)$/i.test(file)).sort();
    const images = await Promise.all(files.slice(0, 4).map((file) => readImage(join(folder, item, file))));
    await writeWhole(join(target, `${item}.png`), await encodePng(dpgGrid(images)));
  }
  return items.length;
}

function linesOf({ evaluator, summary, failed, missing }: DpgReport): string[] {
  const rows = (level: Readonly<Record<string, number>>) =>
    Object.entries(level).map(([category, score]) => `  ${category.padEnd(32)}${score.toFixed(2)}`);
  return [
    `DPG-Bench, ${evaluator}`,
    `${summary.items} items: ${summary.score.toFixed(2)}`,
    "by category, of the last crop, parents or not:",
    ...rows(summary.level1),
    ...rows(summary.level2),
    ...failed.map(({ filename, message }) => `NOT SCORED: ${filename}: ${message}`),
    ...(missing.length > 0 ? [`${missing.length} items of the table have no picture`] : []),
  ];
}
