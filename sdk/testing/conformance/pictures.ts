import type { RgbImage } from "../../contract/image.ts";

/** Two of one size and one of another aspect ratio: waves of colour, which differ within and between images. */
export const testPictures = (): RgbImage[] => [picture(48, 40, 1), picture(33, 64, 2), picture(48, 40, 3)];

function picture(width: number, height: number, seed: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const [x, y, channel] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    const wave = Math.sin((x * (seed + channel)) / 7) + Math.cos((y * (2 * seed - channel)) / 9);
    data[i] = Math.round(127.5 + 63 * wave);
  }
  return { data, width, height };
}

/** The same image in memory of its own. */
export const copyOf = ({ data, width, height }: RgbImage): RgbImage => ({ data: data.slice(), width, height });
