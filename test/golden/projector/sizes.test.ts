import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { lfm2VlImageProcessor } from "../../../sdk/families/lfm2-vl/image.ts";
import { unpadded } from "../../../sdk/image/arrange.ts";
import { dynamicGrid } from "../../../sdk/image/tiling/dynamic-tiles.ts";
import { exceeds, rangeSize } from "../../../sdk/image/tiling/native-size.ts";
import type { NativePlan, PixelRange } from "../../../sdk/image/view-plan.ts";
import { encoder, planIn } from "../../standalone/checkpoint/image-consumer.ts";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";

/** Against transformers' own functions (make_sizes.py). */
type Six = [number, number, number, number, number, number];
const sizes = JSON.parse(readFileSync(join(import.meta.dirname, "sizes.json"), "utf8")) as {
  unpad: Six[];
  lfm2: Six[];
};

it("LLaVA 1.6 keeps the tokens that an image covers", () => {
  const kept = sizes.unpad.map(([rows, columns, width, height]): Six => {
    const { rows: r, columns: c } = unpadded({ rows, columns }, { width, height });
    return [rows, columns, width, height, r, c];
  });
  expect(kept).toEqual(sizes.unpad);
});

it("LFM2-VL sizes and tiles", async () => {
  const consumer = {
    ...encoder(lfm2VlImageProcessor),
    encoder: { imageSize: 256, patchSize: 16, grids: "native" },
  } as const;
  const { pixels, tiles } = (await planIn(await temporaryFolder(), consumer)) as NativePlan;
  const made = sizes.lfm2.map(([width, height]): Six => {
    const size = { width, height };
    const fitted = rangeSize(size, pixels as PixelRange);
    const { size: tile, above, min, max } = tiles!;
    const grid = exceeds(size, above, pixels!.factor, 16)
      ? dynamicGrid(size, { tile, min, max })
      : { columns: 1, rows: 1 };
    return [width, height, fitted.width, fitted.height, grid.columns, grid.rows];
  });
  expect(made).toEqual(sizes.lfm2);
});
