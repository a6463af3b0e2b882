import type { RgbImage } from "../contract/image.ts";
import { normalisationTables } from "./patchify.ts";
import type { ViewPlan } from "./view-plan.ts";

/** Normalised images of one size, channel by channel: [n, 3, height, width], as a convolutional encoder takes them. */
export function planar(images: readonly RgbImage[], mean: ViewPlan["mean"], std: ViewPlan["std"]): Float32Array {
  const area = (images[0]?.width ?? 0) * (images[0]?.height ?? 0);
  const out = new Float32Array(images.length * 3 * area);
  const tables = normalisationTables(mean, std);
  for (const [n, { data }] of images.entries()) {
    for (const [channel, table] of tables.entries()) {
      const plane = out.subarray((n * 3 + channel) * area, (n * 3 + channel + 1) * area);
      for (let pixel = 0; pixel < area; pixel++) plane[pixel] = table[data[3 * pixel + channel] ?? 0] ?? 0;
    }
  }
  return out;
}
