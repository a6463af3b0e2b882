import {
  type GenEvalReport,
  readDetections,
  readGenEvalPrompts,
  runGenEval,
  vlmJudge,
  writeGenEvalFolders,
} from "../../adapters/benchmarks/index.ts";
import { writeWhole } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, flag, option } from "../command/option.ts";
import { requireOne } from "../command/usage-error.ts";
import { text } from "../command/value-types.ts";
import { json } from "../shared/model-options.ts";
import { checkOutput } from "../shared/output-file.ts";
import { printResult } from "../shared/print-result.ts";
import { withProgress } from "../shared/progress.ts";
import { anyVlmOptions, withAnyVlm } from "../vlm/with-any-vlm.ts";

export const geneval = defineCommand({
  arguments: { folder: argument("NNNNN/metadata.jsonl and NNNNN/samples/0000.png, ...") },
  options: {
    prompts: option(
      text("prompts.jsonl"),
      "Write the folders of these prompts, for you to put images into. Nothing is scored",
    ),
    detections: option(text("boxes.jsonl"), "Score by the boxes that a detector found in each image"),
    judge: flag("Score by a vision language model's answers. Not comparable with published numbers"),
    out: option(text("results.jsonl"), "Write each image's verdict, in the form of GenEval's own scripts"),
    ...anyVlmOptions,
    json,
  },
  notes: [
    "--endpoint and the options below it say which model is the --judge. docs/benchmarks-generation.md shows the form of " +
      "boxes.jsonl.",
  ],
  examples: [
    "vqrae evaluate geneval ./images --prompts evaluation_metadata.jsonl",
    "vqrae evaluate geneval ./images --detections boxes.jsonl --out results.jsonl",
    "vqrae evaluate geneval ./images --judge \\",
    "  --endpoint http://127.0.0.1:8080/v1 --endpoint-model llava",
  ],
  async run({ folder, prompts, detections, judge, out, json, ...args }, name) {
    const ways = { "--prompts": prompts !== undefined, "--detections": detections !== undefined, "--judge": judge };
    requireOne(name, ways);
    if (prompts !== undefined) {
      const found = await readGenEvalPrompts(prompts);
      await writeGenEvalFolders(found, folder);
      printResult(json, { folder, prompts: found.length }, () => [`${folder}: ${found.length} prompts`]);
      return;
    }
    if (out !== undefined) await checkOutput(out, [".jsonl"], detections === undefined ? [] : [detections]);
    const report = await withProgress(args, async (progress) => {
      const onProgress = (done: number) => progress.say(`${done} images`);
      return detections === undefined
        ? withAnyVlm(name, args, (model) => runGenEval(folder, { judge: vlmJudge(model) }, { onProgress }))
        : runGenEval(folder, { detections: await readDetections(detections) }, { onProgress });
    });
    const verdicts = report.results.map((result) => `${JSON.stringify(result)}\n`);
    if (out !== undefined) await writeWhole(out, verdicts);
    printResult(json, report, () => linesOf(report));
  },
});

function linesOf({ evaluator, summary, unreadable }: GenEvalReport): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  return [
    `GenEval, ${evaluator}`,
    `${summary.images} images of ${summary.prompts} prompts: ${percent(summary.correctImages)} of images right, ` +
      `${percent(summary.correctPrompts)} of prompts with a right image`,
    ...summary.tags.map(
      ({ tag, correct, images }) =>
        `  ${tag.padEnd(16)}${percent(correct / images).padStart(9)} (${correct} / ${images})`,
    ),
    `overall, the mean over tasks: ${summary.overall.toFixed(5)}`,
    ...unreadable.map(({ filename, message }) => `CANNOT BE READ, counted as wrong: ${filename}: ${message}`),
  ];
}
