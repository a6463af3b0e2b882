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
import { cliCommand, usageErrorMend } from "../command/command.ts";
import { wholeNumber } from "../command/values.ts";
import { Progress } from "../shared/progress.ts";
import { benchModelArgs, withBenchModel } from "../vlm/with-any-vlm.ts";

const name = "vqrae evaluate dpg-bench";

export const evaluateDpgBenchCommand = cliCommand({
  name: "evaluate dpg-bench",
  description: "Score generated images on DPG-Bench, from given answers or with a judge; write its grids",
  args: {
    folder: {
      type: "positional",
      required: true,
      description: "<item_id>.png each; with --grids a folder of four images each",
    },
    csv: { type: "string", valueHint: "dpg_bench.csv", description: "The questions" },
    answers: {
      type: "string",
      valueHint: "answers.jsonl",
      description: "Answers given elsewhere; see docs/benchmarks-generation.md",
    },
    judge: {
      type: "boolean",
      description: "Ask a vision language model instead: not comparable with published numbers",
    },
    grids: {
      type: "string",
      valueHint: "folder",
      description: "Write a 2 x 2 grid of each sub-folder's first four images, and end",
    },
    resolution: { type: "string", default: "512", valueHint: "pixels", description: "A side of one image of a grid" },
    pics: { type: "string", default: "4", valueHint: "1-4", description: "Images of a grid that are asked about" },
    "all-rows": { type: "boolean", description: "Keep the table's first row, which the reference drops" },
    ...benchModelArgs,
  },
  examples: [
    "vqrae evaluate dpg-bench ./images --grids ./grids",
    "vqrae evaluate dpg-bench ./grids --csv dpg_bench.csv --answers answers.jsonl",
    "vqrae evaluate dpg-bench ./grids --csv dpg_bench.csv --judge",
  ],
  async run({ folder, csv, answers, judge, grids, resolution, pics, "all-rows": allRows, json, ...args }) {
    const mend = usageErrorMend(name);
    const options = { resolution: wholeNumber("--resolution", resolution, 1), pics: wholeNumber("--pics", pics, 1) };
    if (options.pics > 4) throw expected("INVALID_ARGUMENT", "a whole number from 1 to 4", "--pics", pics, mend);
    if (grids !== undefined) {
      const count = await writeGrids(folder, grids);
      process.stdout.write(
        json ? `${JSON.stringify({ folder: grids, grids: count })}\n` : `${grids}: ${count} grids\n`,
      );
      return;
    }
    if (csv === undefined) throw expected("INVALID_ARGUMENT", "--csv", name, undefined, mend);
    if ((answers === undefined) === !judge) {
      throw expected("INVALID_ARGUMENT", "one of --answers, --judge", name, judge ? "both" : undefined, mend);
    }
    const items = await readDpgItems(csv, { skipFirstRow: !allRows });
    const progress = new Progress({ verbose: args.verbose });
    const onProgress = (done: number, total: number) => progress.say(`${done} of ${total} pictures`);
    try {
      const report =
        answers === undefined
          ? await withBenchModel(args, (model) =>
              runDpgBench(folder, items, { judge: vlmJudge(model) }, { ...options, onProgress }),
            )
          : await runDpgBench(folder, items, { answers: await readDpgAnswers(answers) }, { ...options, onProgress });
      progress.end();
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${linesOf(report).join("\n")}\n`);
    } finally {
      progress.end();
    }
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
