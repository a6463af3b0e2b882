import {
  type GenEvalReport,
  readDetections,
  readGenEvalPrompts,
  runGenEval,
  vlmJudge,
  writeGenEvalFolders,
} from "../../adapters/benchmarks/index.ts";
import { expected, writeWhole } from "../../sdk/kit.ts";
import { cliCommand, usageErrorMend } from "../command/command.ts";
import { checkOutput } from "../shared/output-file.ts";
import { Progress } from "../shared/progress.ts";
import { benchModelArgs, withBenchModel } from "../vlm/with-any-vlm.ts";

export const evaluateGenEvalCommand = cliCommand({
  name: "evaluate geneval",
  description: "Score generated images on GenEval, from a detector's boxes or with a judge; write its prompt folders",
  args: {
    folder: { type: "positional", required: true, description: "NNNNN/metadata.jsonl and NNNNN/samples/0000.png, ..." },
    prompts: {
      type: "string",
      valueHint: "evaluation_metadata.jsonl",
      description: "Write the folders of these prompts, for images to be put into, and end",
    },
    detections: {
      type: "string",
      valueHint: "boxes.jsonl",
      description: "Boxes of each image; see docs/benchmarks-generation.md",
    },
    judge: {
      type: "boolean",
      description: "Ask a vision language model instead: not comparable with published numbers",
    },
    out: {
      type: "string",
      valueHint: "results.jsonl",
      description: "Each image's verdict, as GenEval's own scripts write it",
    },
    ...benchModelArgs,
  },
  examples: [
    "vqrae evaluate geneval ./images --prompts evaluation_metadata.jsonl",
    "vqrae evaluate geneval ./images --detections boxes.jsonl --out results.jsonl",
    "vqrae evaluate geneval ./images --judge --endpoint http://127.0.0.1:8080/v1 --endpoint-model llava",
  ],
  async run({ folder, prompts, detections, judge, out, json, ...args }) {
    const ways = [prompts !== undefined, detections !== undefined, judge === true].filter(Boolean).length;
    if (ways !== 1) {
      const mend = usageErrorMend("vqrae evaluate geneval");
      throw expected(
        "INVALID_ARGUMENT",
        "one of --prompts, --detections, --judge",
        "vqrae evaluate geneval",
        ways,
        mend,
      );
    }
    if (prompts !== undefined) {
      const found = await readGenEvalPrompts(prompts);
      await writeGenEvalFolders(found, folder);
      process.stdout.write(
        json ? `${JSON.stringify({ folder, prompts: found.length })}\n` : `${folder}: ${found.length} prompts\n`,
      );
      return;
    }
    if (out !== undefined) await checkOutput(out, [".jsonl"], detections === undefined ? [] : [detections]);
    const progress = new Progress({ verbose: args.verbose });
    const onProgress = (done: number) => progress.say(`${done} images`);
    try {
      const report =
        detections === undefined
          ? await withBenchModel(args, (model) => runGenEval(folder, { judge: vlmJudge(model) }, { onProgress }))
          : await runGenEval(folder, { detections: await readDetections(detections) }, { onProgress });
      if (out !== undefined)
        await writeWhole(
          out,
          report.results.map((result) => `${JSON.stringify(result)}\n`),
        );
      progress.end();
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${linesOf(report).join("\n")}\n`);
    } finally {
      progress.end();
    }
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
