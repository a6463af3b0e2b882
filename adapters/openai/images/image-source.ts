import type { ImageInput } from "../../../sdk/index.ts";
import type { SentBody } from "../body/sent-body.ts";
import { ApiError } from "../http/api-error.ts";
import { fetchRemoteImage, type RemoteImageOptions } from "./remote-image.ts";

/** Where a request's images may come from. */
export interface ImageSourceOptions extends RemoteImageOptions {
  readonly allowRemote: boolean;
  /** Those that the request's body held. */
  readonly sent: SentBody["images"];
}

/**
 * The image that a request names: a data: URL, or an http(s) URL where these are allowed. Never a file of the server's.
 * @throws ApiError 400
 */
export async function imageOf(url: string, param: string, options: ImageSourceOptions): Promise<ImageInput> {
  const sent = options.sent.get(url);
  if (sent !== undefined) {
    const bytes = await sent.bytes();
    if (bytes !== null) return bytes;
    throw wrong(`Expected base64 data for ${param} but received something else.`, param);
  }
  if (/^data:image\//i.test(url)) return url;
  if (/^data:/i.test(url)) throw wrong(`Expected data:image/... for ${param} but received another media type.`, param);
  if (!/^https?:/i.test(url)) {
    throw wrong(
      `Expected a data: URL, such as data:image/png;base64,..., for ${param} but received something else.`,
      param,
    );
  }
  if (!options.allowRemote) {
    const mend = "Send the image as a data: URL, or start the server with --allow-remote.";
    throw wrong(`Expected a data: URL for ${param} but received the address of another server. ${mend}`, param);
  }
  return fetchRemoteImage(url, param, options);
}

/**
 * The same, or base64 without the beginning of a URL, as some protocols have it.
 * @throws ApiError 400
 */
export async function rawImageOf(text: string, param: string, options: ImageSourceOptions): Promise<ImageInput> {
  const isUrl = options.sent.has(text) || /^(?:data|https?|file):/i.test(text);
  if (isUrl) return imageOf(text, param, options);
  const digits = text.replaceAll(/\s/g, "");
  if (digits !== "" && /^[A-Za-z0-9+/]+={0,2}$/.test(digits)) return Buffer.from(digits, "base64");
  throw wrong(`Expected an image in base64 or as a data: URL for ${param} but received something else.`, param);
}

const wrong = (message: string, param: string) => new ApiError(400, message, { param, code: "invalid_image_url" });
