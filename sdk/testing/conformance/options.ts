import * as z from "zod";
import type { TokenIds } from "../../contract/decoder.ts";
import type { RgbImage, TokenGrid } from "../../contract/image.ts";
import { expectedBut } from "../../errors.ts";
import { isRgbImage } from "../../image/rgb-image.ts";
import { option, parseOptions } from "../../options.ts";
import { testPictures } from "./pictures.ts";

/** What a model's tests are run with. */
export interface ConformanceOptions {
  /** At least three pictures, no two alike, that the model takes (default: three small ones, two of them of one size). */
  readonly images?: readonly RgbImage[];
  /**
   * How far features and embeddings of one image may differ between two calls, relative to numbers above 1 (default 1e-5).
   * Ids may not differ at all.
   */
  readonly featureTolerance?: number;
  /** How far the pixels of one image may differ between two calls of `decode`, in levels of 256 (default 0). */
  readonly pixelTolerance?: number;
  /**
   * What the tests decode, at least two images of one grid. The default is what `encode` gives, or made up ids for a decoder
   * alone.
   */
  readonly tokens?: readonly DecodableTokens[];
  /** Tests that do not apply: their names, each with the reason why. They are shown as skipped. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** What `decode` takes for one image, and the grid that it stands for. */
export interface DecodableTokens {
  readonly tokens: TokenIds | Float32Array;
  readonly grid: TokenGrid;
}

const schema = z.strictObject({
  images: option.custom<readonly RgbImage[]>(
    "at least three images { data, width, height }",
    (value) => Array.isArray(value) && value.length >= 3 && value.every(isRgbImage),
  ),
  featureTolerance: option.number("a number >= 0", (value) => value >= 0),
  pixelTolerance: option.number("a number >= 0", (value) => value >= 0),
  tokens: option.custom<readonly DecodableTokens[]>(
    "at least two of { tokens, grid }",
    (value) => Array.isArray(value) && value.length >= 2,
  ),
  skip: z.record(z.string(), z.string().min(1)).optional().describe("names of tests, each with a reason"),
});

/** The options with their defaults. */
export type ConformanceSettings = Required<Omit<ConformanceOptions, "tokens">> & Pick<ConformanceOptions, "tokens">;

/** @throws INVALID_ARGUMENT that names the option, or the test to skip that there is none of */
export function conformanceSettings(
  options: ConformanceOptions | undefined,
  names: readonly string[],
): ConformanceSettings {
  const {
    images = testPictures(),
    featureTolerance = 1e-5,
    pixelTolerance = 0,
    skip = {},
    tokens,
  } = parseOptions(schema, options, "conformanceTests");
  for (const name of Object.keys(skip)) {
    if (names.includes(name)) continue;
    const received = JSON.stringify(name);
    throw expectedBut("INVALID_ARGUMENT", "the names of tests", 'option "skip" of conformanceTests', received);
  }
  return { images, featureTolerance, pixelTolerance, skip, ...(tokens && { tokens }) };
}
