import { expect, it } from "vitest";
import { readImage } from "../../../../sdk/image/read/read-image.ts";
import { readCases } from "../fixtures.ts";

interface OrientationCase {
  readonly name: string;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly pixels: string;
}

/** libheif rounds otherwise than libavif and widens halved colours otherwise: docs/fidelity.md has the figures. These images are smooth, so that an edge with wrong colours shows. */
const AVIF_LEVELS = 11;

it.each(readCases<OrientationCase[]>("orientation/files.json"))("$name", async (one) => {
  const { data, width, height } = await readImage(Buffer.from(one.file, "base64"));
  expect([width, height]).toEqual([one.width, one.height]);
  const expected = Buffer.from(one.pixels, "base64");
  const differences = expected.map((value, i) => Math.abs(value - (data[i] ?? 255)));
  expect(Math.max(...differences)).toBeLessThanOrEqual(one.name.startsWith("AVIF") ? AVIF_LEVELS : 0);
});
