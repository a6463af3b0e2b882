import { expect, it } from "vitest";
import { type Placement, preprocess } from "../../../sdk/image/preprocess.ts";
import { seenRegion } from "../../../sdk/image/seen-region.ts";

/** Red is a pixel's column and green its row. */
const coordinates = (width: number, height: number) => ({
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const at = Math.floor(i / 3);
    return [at % width, Math.floor(at / width), 0][i % 3]!;
  }),
  width,
  height,
});

const square = { size: 24, resizeTo: 24, resample: "bilinear", background: null } as const;
const plans: Record<string, Placement> = {
  stretch: { ...square, geometry: "stretch" },
  "stretch and crop": { ...square, geometry: "stretch", resizeTo: 30 },
  crop: { ...square, geometry: "crop" },
  "crop of more": { ...square, geometry: "crop", resizeTo: 32 },
  fit: { ...square, geometry: "fit" },
  padded: { ...square, geometry: "crop", background: [0, 0, 0] },
  adm: { ...square, geometry: "crop", centre: "adm" },
  "lanczos-floor": { ...square, geometry: "crop", centre: "lanczos-floor" },
  native: { geometry: "native", patchSize: 4, maxPatches: 36, resample: "bilinear", pixels: null },
};

it.each(Object.entries(plans))("%s: what the encoder sees is where the pixels come from", (_, plan) => {
  for (const [width, height] of [
    [200, 90],
    [61, 173],
    [120, 120],
  ] as const) {
    const seen = seenRegion({ width, height }, plan);
    const made = preprocess(coordinates(width, height), plan);
    const half = { x: Math.floor(made.width / 2), y: Math.floor(made.height / 2) };
    const colour = (x: number, y: number, channel: number) => made.data[(y * made.width + x) * 3 + channel]!;
    for (const place of [0.25, 0.5, 0.75]) {
      const [x, y] = [Math.floor(made.width * place), Math.floor(made.height * place)];
      const column = seen.left + ((x + 0.5) * seen.width) / made.width - 0.5;
      const row = seen.top + ((y + 0.5) * seen.height) / made.height - 0.5;
      // Beyond the edges there is none.
      if (column >= 1 && column <= width - 2) expect(Math.abs(colour(x, half.y, 0) - column)).toBeLessThan(1.2);
      if (row >= 1 && row <= height - 2) expect(Math.abs(colour(half.x, y, 1) - row)).toBeLessThan(1.2);
    }
  }
});
