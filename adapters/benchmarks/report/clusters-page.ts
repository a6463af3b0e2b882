import {
  type Cluster,
  type ClusterAnalysis,
  type ContactSheetOptions,
  contactSheet,
  type ProbeScores,
  pairClusters,
} from "../../../sdk/evaluation/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { type Html, html } from "./html.ts";
import { page } from "./page.ts";

/**
 * One page that stands alone: the same probes on continuous and on quantised features, then every cluster's images.
 * Clusters of continuous features are left, those of ids right.
 */
export async function clustersPage(analysis: ClusterAnalysis, options: ContactSheetOptions = {}): Promise<string> {
  const { model, files, failed, classes, continuous, quantised, agreement, seed } = analysis;
  const sheets: Html[] = [];
  for (const pair of pairClusters(analysis)) {
    const [left, right] = [
      await figure(analysis, pair.continuous, options),
      await figure(analysis, pair.quantised, options),
    ];
    sheets.push(html`<tr><td>${left}</td><td>${right}</td></tr>
`);
  }
  return page(
    `${model}: objects and textures`,
    html`<h1>Continuous and quantised features</h1>
<p class="soft">${model}, ${files.length} images${classes > 0 ? `, ${classes} classes` : ""}${failed.length > 0 ? `, ${failed.length} could not be read` : ""}</p>
${analysis.probes ? probesTable(analysis.probes) : html`<p>No classes: all images lie in one folder.</p>`}
<h2>Clusters</h2>
<p class="soft">k-means, ${continuous.clusters.length} clusters, seed ${seed}, over one vector an image, centred and of length 1. Left: the mean of its continuous
features. Right: the mean of its ids' codebook vectors. Each row pairs the clusters that share the most images; the images nearest
to the centre are shown.</p>
<table><thead><tr><th></th><th>continuous</th><th>quantised</th></tr></thead><tbody>
${agreementRow("purity", continuous.agreement?.purity, quantised.agreement?.purity)}
${agreementRow("mutual information with the classes", continuous.agreement?.nmi, quantised.agreement?.nmi)}
</tbody></table>
<p>Mutual information of the two clusterings: ${agreement.toFixed(3)} (0: nothing in common, 1: the same).</p>
<table><thead><tr><th>continuous</th><th>quantised</th></tr></thead><tbody>
${sheets}</tbody></table>
${failed.length > 0 ? html`<h2>Not read</h2><ul>${failed.map(({ path, message }) => html`<li>${path}: ${message}</li>`)}</ul>` : ""}`,
  );
}

function probesTable({ train, test, splitBy, scores }: NonNullable<ClusterAnalysis["probes"]>): Html {
  const split = splitBy === "folder" ? "two folders" : "every second image of a class";
  return html`<h2>The same probes on both</h2>
<p class="soft">${train} images to learn from, ${test} to be asked (${split}).</p>
<table><thead><tr><th>features</th><th>numbers</th><th>1-NN</th><th>1-NN among the test images</th><th>linear probe</th></tr></thead><tbody>
${scores.map(probeRow)}
${costRow(scores)}
</tbody></table>`;
}

const probeRow = ({ kind, feature, dim, nearestNeighbour, leaveOneOut, linear, converged }: ProbeScores): Html =>
  html`<tr><td>${kind}: ${feature}</td><td class="number">${dim}</td><td class="number">${percent(nearestNeighbour)}</td><td class="number">${percent(leaveOneOut)}</td><td class="number">${converged ? "" : "at least "}${percent(linear)}</td></tr>
`;

/** The difference of the two means over tokens, which differ in nothing but the quantizer. */
function costRow(scores: readonly ProbeScores[]): Html | string {
  const before = scores.find(({ feature }) => feature === "mean patch");
  const after = scores.find(({ kind }) => kind === "quantised");
  if (!before || !after) return "";
  const cells = (["nearestNeighbour", "leaveOneOut", "linear"] as const).map(
    (key) => html`<td class="number"><strong>${points(after[key] - before[key])}</strong></td>`,
  );
  return html`<tr><td><strong>the cost of quantisation</strong></td><td></td>${cells}</tr>`;
}

const agreementRow = (name: string, left: number | undefined, right: number | undefined): Html | string =>
  left === undefined || right === undefined
    ? ""
    : html`<tr><td>${name}</td><td class="number">${left.toFixed(3)}</td><td class="number">${right.toFixed(3)}</td></tr>`;

async function figure(analysis: ClusterAnalysis, cluster: Cluster, options: ContactSheetOptions): Promise<Html> {
  const png = Buffer.from(await encodePng(await contactSheet(analysis, cluster, options))).toString("base64");
  const { size, label } = cluster;
  const caption = label ? `${size} images, ${label.count} of them ${label.name}` : `${size} images`;
  return html`<img src="data:image/png;base64,${png}" alt="${caption}" style="max-width: 100%"><br><span class="soft">${caption}</span>`;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const points = (share: number): string => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(2)}`;
