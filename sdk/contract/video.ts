import { expected, expectedBut } from "../errors.ts";
import type { ImageInput, ImageSize } from "./image.ts";

/** A video as the frames that a model is to see, in order: all of one size, evenly spaced in time. */
export interface VideoInput {
  readonly frames: readonly ImageInput[];
  /** Of these frames, per second: 2 for every half a second of the film. */
  readonly fps: number;
}

/** @throws INVALID_ARGUMENT */
export function checkedVideo(video: VideoInput): VideoInput {
  const { frames, fps } = Object(video);
  if (!Array.isArray(frames) || frames.length === 0) {
    throw expected("INVALID_ARGUMENT", "a list of frames", "a video", frames);
  }
  if (typeof fps === "number" && fps > 0 && Number.isFinite(fps)) return { frames, fps };
  throw expected("INVALID_ARGUMENT", "frames per second, a number > 0", "a video's fps", fps);
}

/** The one size of all frames. @throws INVALID_ARGUMENT */
export function requireOneSize(frames: readonly ImageSize[]): ImageSize {
  const { width = 0, height = 0 } = frames[0] ?? {};
  const other = frames.find((frame) => frame.width !== width || frame.height !== height);
  if (other === undefined) return { width, height };
  const received = `one of ${other.width} x ${other.height}`;
  throw expectedBut("INVALID_ARGUMENT", `frames of ${width} x ${height} pixels like the first`, "a video", received);
}
