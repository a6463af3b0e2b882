import { clustersPage } from "../../adapters/benchmarks/index.ts";
import {
  analyzeClusters,
  type ClusterAnalysis,
  type Clustering,
  contactSheets,
  listImages,
} from "../../sdk/evaluation/index.ts";
import { encodePng } from "../../sdk/index.ts";
import { setFields, writeWhole } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, option } from "../command/option.ts";
import { text, wholeNumber } from "../command/value-types.ts";
import { json, tokenizerOptions } from "../shared/model-options.ts";
import { checkOutput } from "../shared/output-file.ts";
import { namingFile, printResult } from "../shared/print-result.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";

export const clusters = defineCommand({
  arguments: { folder: argument("The images. The names of its sub-folders are their classes") },
  options: {
    clusters: option(wholeNumber("count", { least: 1 }), "How many groups", { default: 20 }),
    seed: option(wholeNumber("number"), "The same seed makes the same groups", { default: 0 }),
    train: option(text("folder"), "Images that the probes learn from", {
      shownDefault: "every second image of each class",
    }),
    picture: option(text("out.png"), "Draw all contact sheets in one picture"),
    page: option(text("out.html"), "Write tables and contact sheets to a page in one file"),
    ...tokenizerOptions,
    json,
  },
  examples: [
    "vqrae analyze clusters ./caltech101/val --page clusters.html",
    "vqrae analyze clusters ./val --train ./train --clusters 12 \\",
    "  --picture clusters.png --json",
  ],
  async run({ folder, train, clusters, seed, picture, page, json, ...args }) {
    const limit = setFields({ maxPixels: args.maxPixels });
    if (picture !== undefined) await checkOutput(picture, [".png"]);
    if (page !== undefined) await checkOutput(page, [".html"]);
    const files = await listImages(folder);
    const learnt = train === undefined ? undefined : await listImages(train);
    const analysis = await withTokenizer(args, (tokenizer, progress) => {
      const onProgress = (done: number, total: number) => progress.say(`encoding: ${done} of ${total} images`);
      return analyzeClusters(tokenizer, files, { ...limit, clusters, seed, train: learnt, onProgress });
    });
    if (picture !== undefined) await writeWhole(picture, await encodePng(await contactSheets(analysis, limit)));
    if (page !== undefined) await writeWhole(page, [await clustersPage(analysis, limit)]);
    printResult(json, plain(analysis), () => linesOf(analysis));
  },
});

/** With lists in place of typed arrays, which JSON.stringify writes as objects. */
function plain({ continuous, quantised, ...rest }: ClusterAnalysis) {
  const listed = (one: Clustering) => ({ ...one, assignments: [...one.assignments] });
  return { ...rest, continuous: listed(continuous), quantised: listed(quantised) };
}

function linesOf({
  model,
  files,
  failed,
  classes,
  continuous,
  quantised,
  agreement,
  probes,
}: ClusterAnalysis): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`.padStart(9);
  const line = (name: string, { agreement }: Clustering) =>
    agreement ? [`  ${name.padEnd(32)}purity ${agreement.purity.toFixed(3)}   NMI ${agreement.nmi.toFixed(3)}`] : [];
  return [
    `${model} on ${files.length} images, ${classes > 0 ? `${classes} classes` : "no classes"}`,
    `${continuous.clusters.length} clusters (k-means):`,
    ...line("continuous, mean patch", continuous),
    ...line("quantised, mean codebook vector", quantised),
    `  NMI of the two clusterings      ${agreement.toFixed(3)}`,
    ...(probes
      ? [
          `probes: ${probes.train} images to learn from, ${probes.test} to be asked (${probes.splitBy})`,
          `${"".padEnd(34)}     1-NN   1-NN among test   linear`,
          ...probes.scores.map(
            ({ kind, feature, nearestNeighbour, leaveOneOut, linear, converged }) =>
              `  ${`${kind}, ${feature}`.padEnd(32)}${percent(nearestNeighbour)}   ${percent(leaveOneOut)}      ${percent(linear)}` +
              (converged ? "" : " (not converged)"),
          ),
        ]
      : []),
    ...failed.map(({ path, message }) => `NOT MEASURED  ${namingFile(path, message)}`),
  ];
}
