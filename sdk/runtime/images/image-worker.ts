import { present } from "../../errors.ts";
import { decodedScale } from "../../image/decoded-scale.ts";
import { prepareViews } from "../../image/prepare-views.ts";
import { preprocess } from "../../image/preprocess.ts";
import type { PortableImage } from "../../image/read/portable-image.ts";
import { readPixels, readScaled, type ScaledImage } from "../../image/read/read-pixels.ts";
import { loadSharp } from "../../image/read/sharp.ts";
import { resize } from "../../image/resize/resize.ts";
import { copyPixels } from "../../image/rgb-image.ts";
import { prepareFrame } from "../../image/video.ts";
import { type ViewPlan, videoPlanOf } from "../../image/view-plan.ts";
import { views } from "../../image/views.ts";
import { threadSetup } from "../pool/exit-guard.ts";
import type { ImageJobs, ImageWorkerSetup } from "../pool/protocol.ts";
import { serveJobs } from "../pool/serve-jobs.ts";

/**
 * A worker thread that reads and resizes images. A photo's pixels, 36 MB of 12 megapixels, never leave it: copying them
 * for another thread would take longer than resizing a small photo.
 */
const { image: spec, projectorImage, maxPixels, decoding } = threadSetup<ImageWorkerSetup>();

/** Pixels for `plan`, as few as the tokenizer's `decoding` allows. */
const readFor = (image: PortableImage, plan: ViewPlan): Promise<ScaledImage> =>
  readScaled(image, maxPixels, (full) => (decoding === "scaled" ? decodedScale(full, plan) : 1));

serveJobs<ImageJobs>({
  async open() {
    await loadSharp();
    return { output: null };
  },
  async preprocess({ image }) {
    const read = await readFor(image, spec);
    const output = preprocess(read.image, spec, read.full);
    return { output, arrays: [output.data] };
  },
  async prepare({ image }) {
    const plan = present(projectorImage, "how embed wants images");
    const read = await readFor(image, plan);
    const output = prepareViews(read.image, plan, read.full);
    return { output, arrays: output.views.map((view) => view.image.data) };
  },
  async frame({ image, count }) {
    const plan = present(projectorImage && videoPlanOf(projectorImage), "how embedVideo wants frames");
    const output = prepareFrame(await readPixels(image, maxPixels), count, plan);
    return { output, arrays: [output.data] };
  },
  async views({ image }) {
    // The image itself may be a view, so it must be in memory that can be handed over.
    const output = views(copyPixels(await readPixels(image, maxPixels)), spec).map((view) => view.image);
    return { output, arrays: output.map((view) => view.data) };
  },
  async target({ image, side }) {
    // As training brought its targets to the decoder's size.
    const output = resize(preprocess(await readPixels(image, maxPixels), spec), side, side, "bicubic");
    return { output, arrays: [output.data] };
  },
});
