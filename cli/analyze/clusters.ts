import { clustersPage } from "../../adapters/benchmarks/index.ts";
import {
  analyzeClusters,
  type ClusterAnalysis,
  type Clustering,
  contactSheets,
  listImages,
} from "../../sdk/evaluation/index.ts";
import { encodePng } from "../../sdk/index.ts";
import { writeWhole } from "../../sdk/kit.ts";
import { cliCommand, modelArgs } from "../command/command.ts";
import { imageLimit, precisionOptions, wholeNumber } from "../command/values.ts";
import { checkOutput } from "../shared/output-file.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";

export const analyzeClustersCommand = cliCommand({
  name: "analyze clusters",
  description: "Group a folder's images by their features and by their ids, and ask the same probes of both",
  args: {
    folder: { type: "positional", required: true, description: "The images; names of sub-folders are their classes" },
    clusters: { type: "string", default: "20", valueHint: "count", description: "How many groups" },
    seed: { type: "string", default: "0", valueHint: "number", description: "Of k-means" },
    train: {
      type: "string",
      valueHint: "folder",
      description: "Images that the probes learn from (default: every second image of each class)",
    },
    picture: { type: "string", valueHint: "out.png", description: "All contact sheets in one picture" },
    page: {
      type: "string",
      valueHint: "out.html",
      description: "Tables and contact sheets in a page that stands alone",
    },
    ...modelArgs,
  },
  examples: [
    "vqrae analyze clusters ./caltech101/val --page clusters.html",
    "vqrae analyze clusters ./val --train ./train --clusters 12 --picture clusters.png --json",
  ],
  async run({ folder, train, clusters, seed, picture, page, model, json, verbose, ...options }) {
    const limit = imageLimit(options["max-pixels"]);
    const load = { ...limit, ...precisionOptions(options.precision, options["cache-dir"]) };
    const wanted = { clusters: wholeNumber("--clusters", clusters, 1), seed: wholeNumber("--seed", seed, 0) };
    if (picture !== undefined) await checkOutput(picture, [".png"]);
    if (page !== undefined) await checkOutput(page, [".html"]);
    const files = await listImages(folder);
    const learnt = train === undefined ? undefined : await listImages(train);
    const analysis = await withTokenizer({ model, verbose, load }, async (tokenizer, progress) => {
      const onProgress = (done: number, total: number) => progress.say(`encoding: ${done} of ${total} images`);
      return analyzeClusters(tokenizer, files, { ...wanted, ...limit, train: learnt, onProgress });
    });
    if (picture !== undefined) await writeWhole(picture, await encodePng(await contactSheets(analysis, limit)));
    if (page !== undefined) await writeWhole(page, [await clustersPage(analysis, limit)]);
    process.stdout.write(json ? `${JSON.stringify(plain(analysis))}\n` : `${linesOf(analysis).join("\n")}\n`);
  },
});

/** Typed arrays are no JSON. */
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
    ...failed.map(({ path, message }) => `NOT MEASURED  ${message.includes(path) ? message : `${path}: ${message}`}`),
  ];
}
