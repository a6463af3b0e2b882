/**
 * A file path, a `file:` or `data:` URL, the bytes of an encoded image, or raw pixels. Remote URLs are refused:
 * fetch them yourself and pass the bytes.
 */
export type ImageInput = string | URL | Uint8Array | ArrayBufferLike | RgbImage;

/** 8-bit RGB pixels, rows from top to bottom, three bytes a pixel, no padding. */
export interface RgbImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** In pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A part of an image, in its pixels and parts of them. It may go beyond the image's edges. */
export interface ImageRegion extends ImageSize {
  readonly left: number;
  readonly top: number;
}

/** The tokens of an image, in rows from top to bottom. */
export interface TokenGrid {
  readonly rows: number;
  readonly columns: number;
}
