import type { Metadata } from "sharp";
import type { RasterFormat } from "../raster-format.ts";
import { type EmbeddedMetadata, jpegMetadata, pngMetadata } from "./embedded-metadata.ts";
import { exifOrientation } from "./exif-orientation.ts";

/**
 * How an image is to be turned, as Pillow's `ImageOps.exif_transpose` finds it: by the EXIF tag (a TIFF's own), else by
 * the first `tiff:Orientation` of its XMP packet. In AVIF the boxes of `uprightAvif` count before; an EXIF tag there
 * turns nothing and hides the XMP packet.
 * @param metadata sharp's
 * @returns 1..8, the values of the EXIF tag
 */
export function findOrientation(format: RasterFormat, bytes: Uint8Array, metadata: Metadata): number {
  const { exif, xmp } = embedded(format, bytes, metadata);
  const tag = exif === undefined ? undefined : exifOrientation(exif);
  const found = tag !== undefined && format === "AVIF/HEIF" ? 1 : (tag ?? xmpOrientation(xmp));
  return found !== undefined && [2, 3, 4, 5, 6, 7, 8].includes(found) ? found : 1;
}

function embedded(format: RasterFormat, bytes: Uint8Array, metadata: Metadata): EmbeddedMetadata {
  if (format === "JPEG") return jpegMetadata(bytes);
  if (format === "PNG") return pngMetadata(bytes);
  return { exif: format === "TIFF" ? bytes : metadata.exif, xmp: metadata.xmp?.toString("latin1") };
}

function xmpOrientation(xmp = ""): number | undefined {
  const digit = /tiff:Orientation(?:="|>)([0-9])/.exec(xmp)?.[1];
  return digit === undefined ? undefined : Number(digit);
}
