import type { ImageInput, RgbImage } from "./image.ts";

/** Shows what a model makes of an image before it computes anything. */
export interface Views extends AsyncDisposable {
  /**
   * The images that the checkpoint's own model gives its encoder for one image, in its order: InternVL's tiles and then
   * the thumbnail, LLaVA 1.6's whole image and then the tiles. For most checkpoints it is the image alone, as it was read.
   * @throws INVALID_IMAGE, IMAGE_TOO_LARGE, INVALID_ARGUMENT, DISPOSED
   */
  views(image: ImageInput): Promise<RgbImage[]>;

  /**
   * The pixels behind `embed`: the views of the image, each as large as the encoder takes it. A runtime that runs the same
   * encoder and projector takes these, since it would resize images by rules of its own.
   * @throws as `views`; UNSUPPORTED without a projector
   */
  embedViews(image: ImageInput): Promise<RgbImage[]>;

  /**
   * What a perfect `decode(encode(image))` would give: the part of the image that the encoder sees, at the decoder's size.
   * Reconstructions are measured against it.
   * @throws as `views`; UNSUPPORTED without a decoder
   */
  reconstructionTarget(image: ImageInput): Promise<RgbImage>;
}
