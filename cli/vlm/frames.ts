import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { VideoInput } from "../../sdk/index.ts";
import { expectedBut, systemReason } from "../../sdk/kit.ts";
import { option } from "../command/option.ts";
import { number, words } from "../command/value-types.ts";

/** As Qwen's own programs take them of a film. */
export const DEFAULT_FPS = 2;

/** A film as frames that lie in files. */
export const videoOptions = {
  video: option(
    words("folder|files"),
    "Show a video: a folder of its frames, in the order of their names, or 0.jpg,1.jpg,...",
  ),
  fps: option(number("number"), "How many of the frames make a second; with --video", { default: DEFAULT_FPS }),
};

const FRAME = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;
/** frame2 comes before frame10. */
const order = new Intl.Collator("en", { numeric: true });

/**
 * The frames of a folder, or the files themselves.
 * @throws INVALID_ARGUMENT for a folder that cannot be read or holds no images
 */
export async function framesOf(video: readonly string[], fps: number): Promise<VideoInput> {
  const [folder] = video;
  if (folder === undefined || video.length > 1 || FRAME.test(folder)) return { frames: video, fps };
  const names = await readdir(folder).catch((cause: unknown) => {
    throw expectedBut("INVALID_ARGUMENT", "a folder of frames", "--video", `${folder}: ${systemReason(cause)}`, {
      path: folder,
      mend: `A film is not decoded here: write its frames first, such as with \`ffmpeg -i ${folder} -vf fps=2 frames/%05d.jpg\`.`,
    });
  });
  const frames = names.filter((name) => FRAME.test(name)).sort(order.compare);
  if (frames.length > 0) return { frames: frames.map((name) => join(folder, name)), fps };
  throw expectedBut("INVALID_ARGUMENT", "JPEG, PNG or other images", `the frames in ${folder}`, "none", {
    path: folder,
  });
}
