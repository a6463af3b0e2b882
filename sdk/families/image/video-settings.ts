import { expectedBut } from "../../errors.ts";
import { type ViewPlan, videoPlanOf } from "../../image/view-plan.ts";

/** What `VQRAE.load` may change of how a model's videos are prepared: an mmproj file does not say it. */
export interface VideoSettings {
  /** Least and most pixels: of each frame (Qwen2-VL, Qwen2.5-VL), or of all frames together (Qwen3-VL). */
  readonly minPixels?: number | undefined;
  readonly maxPixels?: number | undefined;
  /** Positions of a second (Qwen2.5-VL's `tokens_per_second`). */
  readonly tokensPerSecond?: number | undefined;
}

/**
 * A plan with these settings for videos.
 * @param folder of the model, for messages
 * @throws UNSUPPORTED for a model that takes no videos, or counts no seconds; INVALID_ARGUMENT for a range without numbers
 */
export function withVideoSettings(plan: ViewPlan, settings: VideoSettings, folder: string): ViewPlan {
  const subject = `option "video" for ${folder}`;
  const video = videoPlanOf(plan);
  if (video === undefined || plan.geometry !== "native") {
    throw expectedBut(
      "UNSUPPORTED",
      "a model that takes videos",
      subject,
      "one that does not",
      "Leave the option out.",
    );
  }
  const { pixels } = video;
  const { minPixels = pixels.minPixels, maxPixels = pixels.maxPixels, tokensPerSecond } = settings;
  if (minPixels > maxPixels) {
    const received = `${minPixels} above ${maxPixels}`;
    throw expectedBut("INVALID_ARGUMENT", "minPixels of at most maxPixels", subject, received);
  }
  const changed = { ...video, pixels: { ...pixels, minPixels, maxPixels } };
  if (tokensPerSecond === undefined) return { ...plan, video: changed };
  if (video.time.kind !== "seconds") {
    throw expectedBut("UNSUPPORTED", "a model whose positions count seconds", subject, "another", {
      mend: "Leave tokensPerSecond out: it is Qwen2.5-VL's.",
    });
  }
  return { ...plan, video: { ...changed, time: { kind: "seconds", perSecond: tokensPerSecond } } };
}
