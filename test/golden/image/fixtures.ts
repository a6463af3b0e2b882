import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RgbImage } from "../../../sdk/contract/image.ts";

/** Pixels as make_fixtures.py writes them: all of them, or their SHA-256. */
export interface ExpectedPixels {
  readonly width: number;
  readonly height: number;
  readonly base64?: string;
  readonly sha256?: string;
}

export function readCases<T>(name: string): T {
  return (JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")) as { cases: T }).cases;
}

/** Reduces `image` to the form of `like`, so that one toEqual compares them. */
export function summarise(image: RgbImage, like: ExpectedPixels): ExpectedPixels {
  const { width, height } = image;
  const bytes = Buffer.from(image.data);
  return like.base64 === undefined
    ? { width, height, sha256: createHash("sha256").update(bytes).digest("hex") }
    : { width, height, base64: bytes.toString("base64") };
}

export type PatternName = "mixed" | "noise" | "edges";

const PATTERNS: Readonly<Record<PatternName, (x: number, y: number, c: number) => number>> = {
  mixed: (x, y, c) => ((x * 7 + y * 13 + c * 29) * 37) % 256,
  noise: (x, y, c) => ((Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(c, 83492791)) >>> 6) & 255,
  edges: (x, y, c) => ((Math.floor(x / 3) + Math.floor(y / 5) + c) % 2) * 255,
};

/** `pattern` of make_fixtures.py. */
export function pattern(name: PatternName, width: number, height: number): RgbImage {
  const value = PATTERNS[name];
  const data = new Uint8Array(width * height * 3);
  let i = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) for (let c = 0; c < 3; c++) data[i++] = value(x, y, c);
  return { data, width, height };
}
