import { expectedBut, readRegularFile } from "../../../../sdk/kit.ts";
import type { QuestionImage } from "../../benchmark.ts";
import { reading } from "./reading.ts";

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

/** An image in base64. @throws INVALID_DATA at once, if the text is no base64 */
export function base64Image(at: string, text: string): QuestionImage {
  // Node skips what is no base64, and decodes the rest to something else.
  const length = text.length - (text.match(/\s/g)?.length ?? 0);
  if (!BASE64.test(text) || length % 4 !== 0) {
    const received = `${length} characters that are not`;
    throw expectedBut("INVALID_DATA", "base64", `the image in ${at}`, received);
  }
  return { at, bytes: async () => Buffer.from(text, "base64") };
}

/** An image file, read when it is needed. */
export function fileImage(path: string): QuestionImage {
  const mend = "Name the folder of the images with --images.";
  return { at: path, bytes: () => reading("an image", path, () => readRegularFile(path), mend) };
}
