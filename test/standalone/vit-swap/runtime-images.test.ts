import { expect, test } from "vitest";
import { runtimeImages } from "../../../adapters/vit-swap/index.ts";
import { loadProjector, type RgbImage, readImage, VQRAE } from "../../../sdk/index.ts";
import { vlm } from "./fixtures.ts";

/** Larger than a tile, so that each of these models cuts it. */
const photo: RgbImage = {
  width: 40,
  height: 24,
  data: Uint8Array.from({ length: 40 * 24 * 3 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24),
};

async function runtimeViews(name: string): Promise<RgbImage[]> {
  await using tokenizer = await VQRAE.load(vlm(name), { projector: await loadProjector(vlm(name)), threads: 1 });
  const pngs = await runtimeImages(tokenizer, photo);
  return Promise.all(pngs.map((png) => readImage(png)));
}

test("Idefics3 gets the image itself, which llama.cpp cuts into tiles (mtmd-image.cpp)", async () => {
  expect(await runtimeViews("idefics3")).toEqual([photo]);
});

test("InternVL gets its tiles and the thumbnail, as large as its tower takes them", async () => {
  const views = await runtimeViews("internvl");
  expect(views.length).toBeGreaterThan(1);
  for (const { width, height } of views) expect([width, height]).toEqual([16, 16]);
});
