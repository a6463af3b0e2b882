import type { ImageInput, RgbImage } from "../../contract/image.ts";
import { atImage } from "../../contract/image-inputs.ts";
import { checkedVideo, requireOneSize, type VideoInput } from "../../contract/video.ts";
import type { PreparedImage } from "../../image/prepare-views.ts";
import { pairsOf } from "../../image/video.ts";

/**
 * A video as pairs of frames, each as the encoder takes it.
 * @param read a frame of so many
 * @throws INVALID_ARGUMENT; what `read` throws, with the frame's index
 */
export async function prepareVideo(
  video: VideoInput,
  read: (frame: ImageInput, count: number) => Promise<RgbImage>,
): Promise<{ image: PreparedImage; frames: readonly RgbImage[] }> {
  const { frames: given, fps } = checkedVideo(video);
  const frames = await Promise.all(given.map((frame, i) => atImage(i, () => read(frame, given.length))));
  const { width, height } = requireOneSize(frames);
  return { image: { views: pairsOf(frames), width, height, video: { frames: frames.length, fps } }, frames };
}
