import { requireFeatureDim } from "../../sdk/kit.ts";
import { jsonText } from "../shared/terminal.ts";
import { codesPerToken, type EncodedImages } from "./tokens.ts";

/** Digits that bring every float32 back exactly. */
const FLOAT32_DIGITS = 9;

/**
 * `{ model, grid, featureDim, codebook, images: [{ image, grid?, ids?, features?, classToken? }] }`, an image a line, with
 * features as [tokens][dim], and with ids as [tokens][codes] where a token has several. If `grid` is null, each image has its
 * own. It comes in parts, because all of it may be longer than a string can be.
 */
export function* tokensToJson({ info, images, tokens }: EncodedImages): Generator<string> {
  const { modelId: model, grid, featureDim, codebook } = info;
  const codes = codesPerToken(info);
  const head = jsonText({ model, grid, featureDim, codebook });
  yield `${head.slice(0, -1)},"images":[\n`;
  for (const [i, { grid: own, ids, features, classToken }] of tokens.entries()) {
    const entry = {
      image: images[i],
      ...(grid === null && { grid: own }),
      ...(ids && { ids: codes === 1 ? [...ids] : rowsOf([...ids], codes) }),
      ...(features && { features: rowsOf(shorten(features), requireFeatureDim(info)) }),
      ...(classToken && { classToken: shorten(classToken) }),
    };
    yield `${jsonText(entry)}${i + 1 < tokens.length ? "," : ""}\n`;
  }
  yield "]}\n";
}

const rowsOf = (data: readonly number[], columns: number): number[][] =>
  Array.from({ length: data.length / columns }, (_, row) => data.slice(row * columns, (row + 1) * columns));

const shorten = (data: Float32Array): number[] =>
  Array.from(data, (value) => Number(value.toPrecision(FLOAT32_DIGITS)));
