import { encodePng, type RgbImage } from "../../../sdk/index.ts";

/** An image as OpenAI's image objects have it. */
export const pngObject = async (image: RgbImage) => ({
  b64_json: Buffer.from(await encodePng(image)).toString("base64"),
});
