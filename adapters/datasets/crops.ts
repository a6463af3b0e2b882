import { centreCrop, type EncoderInfo, type RgbImage } from "../../sdk/index.ts";
import { expectedBut, roundHalfEven } from "../../sdk/kit.ts";

/**
 * Which views of an image are tokenised.
 * - "none": one, as the tokenizer's own preprocessing makes it of the whole image.
 * - "flip": the centre square, and the same mirrored.
 * - "ten": the four corners and the centre of a square 1.1 times as large, and the five of it mirrored.
 * The last two are LlamaGen's (autoregressive/train/extract_codes_c2i.py, without and with `--ten-crop`): `center_crop_arr`, then
 * torchvision's `TenCrop` or `torch.flip`.
 */
export const CROPS = ["none", "flip", "ten"] as const;

export type Crops = (typeof CROPS)[number];

export const VIEWS: Readonly<Record<Crops, number>> = { none: 1, flip: 2, ten: 10 };

/** How an image becomes its views. @throws UNSUPPORTED for crops where the encoder sees no square of one size */
export function cropper(
  { modelId, inputSize }: Pick<EncoderInfo, "modelId" | "inputSize">,
  crops: Crops,
  cropRange: number,
): (image: RgbImage) => RgbImage[] {
  if (crops === "none") return (image) => [image];
  if (inputSize === null || inputSize.width !== inputSize.height) {
    const received = `${modelId}, whose input is ${inputSize === null ? "of any size" : "no square"}`;
    throw expectedBut("UNSUPPORTED", "a tokenizer that sees squares of one size", `crops "${crops}"`, received);
  }
  const size = inputSize.width;
  if (crops === "flip") {
    return (image) => {
      const square = centreCrop(image, size, "adm");
      return [square, mirrored(square)];
    };
  }
  const large = Math.trunc(size * cropRange);
  return (image) => {
    const square = centreCrop(image, large, "adm");
    return [...fiveCrop(square, size), ...fiveCrop(mirrored(square), size)];
  };
}

/** `five_crop` of torchvision: top left, top right, bottom left, bottom right, centre. */
function fiveCrop(square: RgbImage, size: number): RgbImage[] {
  const end = square.width - size;
  const middle = roundHalfEven(end / 2);
  const corners = [
    [0, 0],
    [end, 0],
    [0, end],
    [end, end],
    [middle, middle],
  ] as const;
  return corners.map(([left, top]) => cut(square, left, top, size));
}

function cut({ data, width }: RgbImage, left: number, top: number, size: number): RgbImage {
  const pixels = new Uint8Array(size * size * 3);
  for (let row = 0; row < size; row++) {
    const start = ((top + row) * width + left) * 3;
    pixels.set(data.subarray(start, start + size * 3), row * size * 3);
  }
  return { data: pixels, width: size, height: size };
}

function mirrored({ data, width, height }: RgbImage): RgbImage {
  const pixels = new Uint8Array(data.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row * width + column) * 3;
      const to = (row * width + width - 1 - column) * 3;
      pixels[to] = data[from] ?? 0;
      pixels[to + 1] = data[from + 1] ?? 0;
      pixels[to + 2] = data[from + 2] ?? 0;
    }
  }
  return { data: pixels, width, height };
}
