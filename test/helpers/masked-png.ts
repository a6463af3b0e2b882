import sharp from "sharp";
import { picture } from "../standalone/runtime/fixtures/tiny.ts";

/** `picture` as a PNG, transparent where `isClear` says. */
export async function maskedPng(width: number, height: number, isClear: (x: number, y: number) => boolean) {
  const { data } = picture(width, height);
  const raw = Buffer.alloc(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    raw.set(data.subarray(i * 3, i * 3 + 3), i * 4);
    raw[i * 4 + 3] = isClear(i % width, Math.floor(i / width)) ? 0 : 255;
  }
  return new Uint8Array(
    await sharp(raw, { raw: { width, height, channels: 4 } })
      .png()
      .toBuffer(),
  );
}
