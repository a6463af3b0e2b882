/**
 * A file path; a `file:` or `data:` URL; an encoded image as bytes, a Blob or File, or a stream; or raw pixels. Remote URLs are
 * refused: fetch them yourself and pass the bytes, or the response's `body`.
 *
 * A stream is read once, to its end or to 1 GiB. Where the call takes a signal, its abort ends the stream too.
 *
 * Raw pixels are `{ data, width, height }`, such as a canvas' ImageData: 8 bits a channel, rows from top to bottom without
 * padding, and 3 (RGB), 4 (RGBA) or 1 (grey) bytes a pixel. Alpha is dropped without blending, as that of a PNG file is.
 */
export type ImageInput = string | URL | Uint8Array | ArrayBufferLike | RgbImage | Blob | ImageStream;

/** The bytes of an encoded image in pieces: a web ReadableStream, a Readable of Node, or any other such iterable. */
export type ImageStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

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
