import type { RgbImage } from "../../contract/image.ts";
import { expectedBut, VqraeError } from "../../errors.ts";
import { firstLine } from "./sharp.ts";

/** What is used of libheif-js, whose types are those of another entry. */
interface LibHeif {
  heif_context_alloc(): Context;
  heif_context_free(context: Context): void;
  heif_context_read_from_memory(context: Context, bytes: Uint8Array): { code: unknown; message: string };
  heif_js_context_get_primary_image_handle(context: Context): Handle | Failure | null;
  heif_image_handle_get_width(handle: Handle): number;
  heif_image_handle_get_height(handle: Handle): number;
  heif_image_handle_release(handle: Handle): void;
  heif_js_decode_image2(handle: Handle, colorspace: unknown, chroma: unknown): Decoded | Failure | null;
  heif_image_release(image: unknown): void;
  readonly heif_error_Ok: unknown;
  readonly heif_colorspace_RGB: unknown;
  readonly heif_chroma_interleaved_RGB: unknown;
}
type Context = object;
type Handle = object;
interface Failure {
  readonly code: unknown;
  readonly message: string;
}
interface Decoded {
  readonly image: unknown;
  readonly channels: readonly Plane[];
}
interface Plane extends RgbImage {
  /** Bytes of a row. */
  readonly stride: number;
}

/** libheif in WebAssembly, where it is installed. */
async function loadLibHeif(): Promise<LibHeif | null> {
  const name = "libheif-js/wasm-bundle.js"; // an optional peer: bundlers are not to look for it
  return import(name).then(
    (module) => module.default as LibHeif,
    () => null,
  );
}

/**
 * The primary picture of a HEIC file, upright.
 * @param check is given its size before it is decoded
 * @returns null where the peer libheif-js is not installed
 * @throws INVALID_IMAGE; what `check` throws
 */
export async function decodeHeic(
  bytes: Uint8Array,
  subject: string,
  check: (width: number, height: number) => void,
): Promise<RgbImage | null> {
  const heif = await loadLibHeif();
  if (heif === null) return null;
  try {
    return decode(heif, bytes, check);
  } catch (cause) {
    if (VqraeError.isInstance(cause)) throw cause;
    const received = `a damaged, truncated or unsupported HEIC of ${bytes.byteLength} bytes`;
    const mend = `The decoder says: ${firstLine(cause)}`;
    throw expectedBut("INVALID_IMAGE", "a complete image", subject, received, { mend, cause });
  }
}

/** @throws what `check` throws, and an Error of libheif's words, or of WebAssembly's */
function decode(heif: LibHeif, bytes: Uint8Array, check: (width: number, height: number) => void): RgbImage {
  const context = heif.heif_context_alloc();
  try {
    const read = heif.heif_context_read_from_memory(context, bytes);
    if (read.code !== heif.heif_error_Ok) throw new Error(read.message);
    const handle = sound(heif.heif_js_context_get_primary_image_handle(context));
    try {
      check(heif.heif_image_handle_get_width(handle), heif.heif_image_handle_get_height(handle));
      const { heif_colorspace_RGB, heif_chroma_interleaved_RGB } = heif;
      const decoded = sound(heif.heif_js_decode_image2(handle, heif_colorspace_RGB, heif_chroma_interleaved_RGB));
      const [plane] = decoded.channels;
      if (plane === undefined) throw new Error("it has no pixels");
      const image = copyPlane(plane);
      heif.heif_image_release(decoded.image);
      return image;
    } finally {
      heif.heif_image_handle_release(handle);
    }
  } finally {
    heif.heif_context_free(context);
  }
}

/** Pixels in memory of their own, without padding: the plane's is libheif's. */
function copyPlane({ data, width, height, stride }: Plane): RgbImage {
  const rgb = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    rgb.set(data.subarray(row * stride, row * stride + width * 3), row * width * 3);
  }
  return { data: rgb, width, height };
}

/** What libheif gives, where that is no failure. */
function sound<T extends object>(found: T | Failure | null): T {
  if (found !== null && !isFailure(found)) return found;
  throw new Error(found?.message ?? "nothing was found");
}

const isFailure = (found: object): found is Failure => "code" in found && found.code !== undefined;
