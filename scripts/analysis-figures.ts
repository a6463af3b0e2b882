/**
 * Prints the tables of docs/analysis.md and draws its figure, from the model that ships and a folder of images by class:
 *
 *   node scripts/analysis-figures.ts val20 docs/images/clusters.png
 *
 * The figure shows the first six rows of what `vqrae analyze clusters --picture` draws, small. The commonest class of every row's
 * clusters is printed, too.
 */
import sharp from "sharp";
import { analyzeClusters, type Cluster, contactSheets, listImages, pairClusters } from "../sdk/evaluation/index.ts";
import { VQRAE } from "../sdk/index.ts";
import { environment } from "./lib/environment.ts";

const CLUSTERS = 20;
const ROWS = 6;
const SIZE = 48;

const [folder, picture] = process.argv.slice(2);
if (!folder || !picture) throw new Error("Expected a folder of images by class, and the PNG file to write.");

const tokenizer = await VQRAE.load("default");
const analysis = await analyzeClusters(tokenizer, await listImages(folder), { clusters: CLUSTERS });
await tokenizer.dispose();
const { model, files, failed, classes, continuous, quantised, agreement, probes } = analysis;
if (failed.length > 0)
  throw new Error(`Expected images that can be read, but ${failed[0]!.path}: ${failed[0]!.message}`);
if (!probes) throw new Error(`Expected sub-folders of images, whose names are the classes, in ${folder}.`);

/** Markdown whose columns are as wide as their widest cells; the first row is the head. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const measures = ["nearestNeighbour", "leaveOneOut", "linear"] as const;
const scoresOf = (feature: string) => probes.scores.find((scores) => scores.feature === feature)!;
const [patch, code] = [scoresOf("mean patch"), scoresOf("mean codebook vector")];

console.log(`${model}, ${files.length} images of ${classes} classes; ${await environment()}`);
console.log(`The probes learn from ${probes.train} of them and are asked about ${probes.test}.\n`);
console.log(
  table([
    ["vectors", "numbers", "1-NN", "1-NN among the test images", "linear probe"],
    ...probes.scores.map((scores) => [
      `${scores.kind}: ${scores.feature}`,
      String(scores.dim),
      ...measures.map((measure) => percent(scores[measure])),
    ]),
    [
      "**the cost of quantisation**",
      "",
      ...measures.map((measure) => `**${(100 * (code[measure] - patch[measure])).toFixed(2)}**`),
    ],
  ]),
);
console.log(
  `\n${table([
    [`${CLUSTERS} clusters over`, "purity", "NMI with the classes"],
    ...Object.entries({ "continuous features": continuous, ids: quantised }).map(([name, { agreement: found }]) => [
      name,
      found!.purity.toFixed(3),
      found!.nmi.toFixed(3),
    ]),
  ])}`,
);
console.log(`\nNMI of the two clusterings: ${agreement.toFixed(3)}`);

const content = ({ label, size }: Cluster) => `${label!.count} of ${size} ${label!.name}`;
for (const row of pairClusters(analysis)) console.log(`- ${content(row.continuous)}; ids: ${content(row.quantised)}`);

const first = { ...analysis, continuous: { ...continuous, clusters: continuous.clusters.slice(0, ROWS) } };
const { data, width, height } = await contactSheets(first, { size: SIZE });
// A palette: photos as PNG are large otherwise.
await sharp(data, { raw: { width, height, channels: 3 } })
  .png({ palette: true })
  .toFile(picture);
console.log(`\n${picture}`);
