import * as z from "zod";
import type { RgbImage } from "../../contract/image.ts";
import { present } from "../../errors.ts";
import { centreCrop } from "../../image/centre-crop.ts";
import { readImage } from "../../image/read/read-image.ts";
import { option, parseOptions } from "../../options.ts";
import { tilePicture } from "../tile-picture.ts";
import type { ClusterAnalysis } from "./analyze-clusters.ts";
import type { Cluster } from "./cluster-vectors.ts";

/** One cluster of each kind, side by side. */
export interface SheetRow {
  readonly continuous: Cluster;
  readonly quantised: Cluster;
}

/** How contact sheets look. */
export interface ContactSheetOptions {
  /** How many images of each cluster are shown, the nearest to its centre first. Default 8. */
  readonly images?: number;
  /** Pixels a side of each. Default 64. */
  readonly size?: number;
  /** Most pixels of a file (default 100 megapixels). */
  readonly maxPixels?: number | undefined;
}

const schema = z.strictObject({
  images: option.integer(1),
  size: option.integer(1),
  maxPixels: option.integer(1),
});

const parse = (options: ContactSheetOptions, method: string) => {
  const { images = 8, size = 64, maxPixels } = parseOptions(schema, options, method);
  return { images, size, maxPixels };
};

/**
 * Pairs each continuous cluster, large ones first, with the unpaired quantised one that shares the most images with it.
 */
export function pairClusters({ continuous, quantised }: ClusterAnalysis): SheetRow[] {
  const left = new Set(quantised.clusters);
  return continuous.clusters.map((cluster) => {
    const members = new Set(cluster.images);
    const shared = (other: Cluster) => other.images.filter((image) => members.has(image)).length;
    const best = [...left].reduce((best, other) => (shared(other) > shared(best) ? other : best));
    left.delete(best);
    return { continuous: cluster, quantised: best };
  });
}

/**
 * The images of one cluster in a row.
 * @throws INVALID_ARGUMENT for a wrong option; what `readImage` throws
 */
export async function contactSheet(
  { files }: Pick<ClusterAnalysis, "files">,
  cluster: Cluster,
  options: ContactSheetOptions = {},
): Promise<RgbImage> {
  return tilePicture([await thumbnails(files, cluster, parse(options, "contactSheet"))], 2);
}

/**
 * All clusters in one picture: a row for each pair, the continuous cluster's images left, the quantised one's right.
 * @throws as `contactSheet`
 */
export async function contactSheets(analysis: ClusterAnalysis, options: ContactSheetOptions = {}): Promise<RgbImage> {
  const settings = parse(options, "contactSheets");
  const { images, size } = settings;
  const white: RgbImage = { data: new Uint8Array(size * size * 3).fill(255), width: size, height: size };
  const rows: RgbImage[][] = [];
  for (const { continuous, quantised } of pairClusters(analysis)) {
    const left = await thumbnails(analysis.files, continuous, settings);
    const padding = new Array<RgbImage>(images - left.length + 1).fill(white);
    rows.push([...left, ...padding, ...(await thumbnails(analysis.files, quantised, settings))]);
  }
  return tilePicture(rows, 2);
}

async function thumbnails(
  files: ClusterAnalysis["files"],
  cluster: Cluster,
  { images, size, maxPixels }: ReturnType<typeof parse>,
): Promise<RgbImage[]> {
  const shown: RgbImage[] = [];
  for (const index of cluster.images.slice(0, images)) {
    const { path } = present(files[index], "the file of each image");
    shown.push(centreCrop(await readImage(path, { maxPixels }), size, "adm"));
  }
  return shown;
}
