/** Files as data: URLs that are small enough to send and to keep. */

/** Of the longer side, in pixels. */
const MOST_PIXELS = 2048;
const MOST_BYTES = 2 * 2 ** 20;

/** @throws Error that names the file, where it is no picture that this page can send */
export async function pictureUrl(file) {
  const heic = isHeic(new Uint8Array(await file.slice(0, 256).arrayBuffer()));
  if (!heic && !file.type.startsWith("image/")) throw new Error(`${file.name} is no image.`);
  const picture = await createImageBitmap(file).catch(() => null);
  if (picture === null && heic) {
    throw new Error(
      `${file.name} is a HEIC photo, which this browser cannot read. Save it as JPEG first; on an iPhone, ` +
        "Settings > Camera > Formats > Most Compatible makes JPEG files.",
    );
  }
  const asIs = !heic && file.size <= MOST_BYTES && Math.max(picture?.width ?? 0, picture?.height ?? 0) <= MOST_PIXELS;
  if (picture === null || asIs) return dataUrl(file); // the server knows more formats, or says what is wrong
  return dataUrl(await smaller(picture));
}

/** WebP keeps what is transparent; a browser that cannot write it makes a PNG. */
function smaller(picture) {
  const scale = Math.min(1, MOST_PIXELS / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/webp", 0.92));
}

const HEIC_BRANDS = new Set(["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"]);

/** By the brands in the file's first box. AVIF files are of the same container, with brands of their own. */
function isHeic(bytes) {
  const text = String.fromCharCode(...bytes);
  if (text.slice(4, 8) !== "ftyp") return false;
  const length = new DataView(bytes.buffer).getUint32(0);
  const brands = [text.slice(8, 12)];
  for (let at = 16; at + 4 <= Math.min(length, text.length); at += 4) brands.push(text.slice(at, at + 4));
  return brands.some((brand) => HEIC_BRANDS.has(brand)) && !brands.includes("avif");
}

const dataUrl = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
