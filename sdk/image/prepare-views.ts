import type { ImageSize, RgbImage } from "../contract/image.ts";
import { preprocess } from "./preprocess.ts";
import type { ViewPlan } from "./view-plan.ts";
import { type View, views } from "./views.ts";

/** An image as its views, each as the encoder takes it. */
export interface PreparedImage {
  readonly views: readonly View[];
  /** Of the image before that. */
  readonly width: number;
  readonly height: number;
  /** Of a video, whose views are pairs of frames: how many frames, and how many a second. */
  readonly video?: { readonly frames: number; readonly fps: number };
}

/** @param full the image's size before it was decoded to a part of it */
export function prepareViews(image: RgbImage, spec: ViewPlan, full: ImageSize = image): PreparedImage {
  // A view that is not the image itself has been brought to its size already.
  const prepare = (view: RgbImage) => (view === image ? preprocess(view, spec, full) : view);
  const prepared = views(image, spec, full).map((view) => ({ ...view, image: prepare(view.image) }));
  return { views: prepared, width: full.width, height: full.height };
}
