import type { ImageEmbeddings, ImageSegment } from "../contract/embedder.ts";
import type { ImageSize, RgbImage } from "../contract/image.ts";
import { expected, expectedBut } from "../errors.ts";
import type { EmbeddedView } from "./arrange.ts";
import { resize } from "./resize/resize.ts";
import { roundHalfEven } from "./round-half-even.ts";
import { rangeSize } from "./tiling/native-size.ts";
import type { PixelRange, VideoPlan, VideoTime } from "./view-plan.ts";
import type { View } from "./views.ts";

/** Frames that share a patch. */
const PAIR = 2;
/** Past this ratio of its sides Qwen-VL refuses a frame. */
const MAX_ASPECT = 200;

/**
 * A frame of a video of `count` as a model takes it.
 * @throws INVALID_IMAGE for sides whose ratio is above 200
 */
export function prepareFrame(frame: RgbImage, count: number, { pixels, pixelsOf, resample }: VideoPlan): RgbImage {
  if (Math.max(frame.width, frame.height) > MAX_ASPECT * Math.min(frame.width, frame.height)) {
    const received = `${frame.width} x ${frame.height}`;
    throw expectedBut("INVALID_IMAGE", `sides of a ratio up to ${MAX_ASPECT}`, "a video's frame", received);
  }
  const size = pixelsOf === "frame" ? rangeSize(frame, pixels) : videoSize(frame, count, pixels);
  return resize(frame, size.width, size.height, resample);
}

/** transformers/models/qwen3_vl/video_processing_qwen3_vl.py `smart_resize` (5.18), line by line. */
function videoSize(frame: ImageSize, count: number, { factor, minPixels, maxPixels }: PixelRange): ImageSize {
  if (count < PAIR) throw expected("INVALID_ARGUMENT", `at least ${PAIR} frames`, "a video of this model", count);
  let { width, height } = frame;
  if (height < factor || width < factor) {
    const scale = Math.max(factor / height, factor / width);
    height = Math.trunc(height * scale);
    width = Math.trunc(width * scale);
  }
  const rounded = (side: number) => roundHalfEven(side / factor) * factor;
  const frames = roundHalfEven(count / PAIR) * PAIR;
  const pixels = frames * rounded(height) * rounded(width);
  if (pixels > maxPixels) {
    const beta = Math.sqrt((count * height * width) / maxPixels);
    const fitted = (side: number) => Math.max(factor, Math.floor(side / beta / factor) * factor);
    return { width: fitted(width), height: fitted(height) };
  }
  if (pixels < minPixels) {
    const beta = Math.sqrt(minPixels / (count * height * width));
    const fitted = (side: number) => Math.ceil((side * beta) / factor) * factor;
    return { width: fitted(width), height: fitted(height) };
  }
  return { width: rounded(width), height: rounded(height) };
}

/** Frames two by two; the last one of an odd number stands still. */
export function pairsOf(frames: readonly RgbImage[]): View[] {
  return frames.flatMap((image, i) => (i % PAIR === 0 ? [{ image, next: frames[i + 1] ?? image, tile: null }] : []));
}

/** The text around a video, and around each pair of frames where text tells the time. */
interface VideoText {
  readonly prefix: string;
  readonly suffix: string;
}

/**
 * A video's embeddings in order: one run whose positions tell the time, or a run for each pair of frames with the time as text
 * before it (transformers 5.18, `Qwen3VLProcessor.replace_video_token`, whose template writes the outer prefix and suffix).
 * @param frames how many there are, whose last may stand for two
 */
export function arrangeVideo(
  pairs: readonly EmbeddedView[],
  time: VideoTime,
  { prefix, suffix }: VideoText,
  { fps, frames, dim }: { readonly fps: number; readonly frames: number; readonly dim: number },
): ImageEmbeddings {
  const inside = time.kind === "text" ? timedRuns(pairs, fps, frames, { prefix, suffix }) : [oneRun(pairs, time, fps)];
  const segments: ImageSegment[] = [{ type: "text", text: prefix }, ...inside, { type: "text", text: suffix }];
  const tokens = pairs.reduce((sum, { data }) => sum + data.length / dim, 0);
  return { segments, embeddingDim: dim, tokens };
}

function timedRuns(pairs: readonly EmbeddedView[], fps: number, frames: number, { prefix, suffix }: VideoText) {
  return pairs.flatMap(({ data, grid }, i): ImageSegment[] => {
    const last = Math.min(PAIR * i + 1, frames - 1);
    const seconds = ((PAIR * i) / fps + last / fps) / 2;
    return [
      { type: "text", text: `<${oneDecimal(seconds)} seconds>${prefix}` },
      { type: "embeddings", data, grid, attention: "causal" },
      { type: "text", text: suffix },
    ];
  });
}

function oneRun(pairs: readonly EmbeddedView[], time: Exclude<VideoTime, { kind: "text" }>, fps: number): ImageSegment {
  const grid = pairs[0]?.grid ?? { rows: 0, columns: 0 };
  const size = pairs[0]?.data.length ?? 0;
  const data = new Float32Array(pairs.length * size);
  for (const [i, pair] of pairs.entries()) data.set(pair.data, i * size);
  // In float32, as torch multiplies (transformers `get_vision_position_ids`).
  const interval = time.kind === "steps" ? 1 : Math.fround(time.perSecond * Math.fround(PAIR / fps));
  const times = pairs.map((_, i) => Math.trunc(Math.fround(i * interval)));
  return { type: "embeddings", data, grid, times, attention: "causal" };
}

/** Python's `f"{value:.1f}"`: halves, which only quarters have, go to the even digit. */
const oneDecimal = (value: number): string =>
  (Number.isInteger(value * 4) ? roundHalfEven(value * 10) / 10 : value).toFixed(1);
