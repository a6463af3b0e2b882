import type { ImageInput, TokenIds } from "../../sdk/index.ts";
import { bufferedImage, expected, expectedBut } from "../../sdk/kit.ts";
import type { GenerateRequest } from "./generate-options.ts";
import type { ImageGeneratorInfo } from "./image-generator.ts";
import type { GeneratorTokenizer } from "./load-options.ts";
import { redrawnTokens } from "./redrawn-tokens.ts";

/** In the place of an id that is drawn. */
export const FREE = -1;

/**
 * The ids that are kept of an image: [rows * columns] in raster order, FREE where one is drawn.
 * @throws INVALID_ARGUMENT for ids that are no codes and for a mask that does not fit; UNSUPPORTED for an image where
 *   the tokenizer does not encode; what reading an image throws
 */
export async function keptIds(
  { continueImage, editImage: given, signal }: GenerateRequest,
  info: ImageGeneratorInfo,
  tokenizer: GeneratorTokenizer,
): Promise<Int32Array> {
  const { rows, columns } = info.grid;
  const kept = new Int32Array(rows * columns).fill(FREE);
  if (continueImage !== undefined) {
    const count = continueImage.rows * columns;
    const ids =
      "image" in continueImage
        ? await encodedIds(continueImage.image, "continueImage", tokenizer, signal)
        : checkedIds(continueImage.ids, count, "continueImage", info);
    kept.set(ids.subarray(0, count));
  }
  if (given !== undefined) {
    // It is read twice, for its ids and for what is transparent.
    const editImage = "image" in given ? { ...given, image: await bufferedImage(given.image, signal) } : given;
    const ids =
      "image" in editImage
        ? await encodedIds(editImage.image, "editImage", tokenizer, signal)
        : checkedIds(editImage.ids, kept.length, "editImage", info);
    const redraw =
      "image" in editImage && !("redraw" in editImage)
        ? await redrawnTokens(editImage.image, editImage.mask, info.grid, tokenizer)
        : checkedRedraw(editImage.redraw, kept.length);
    for (const [i, id] of ids.entries()) if (!redraw[i]) kept[i] = id;
  }
  return kept;
}

/** The ids that are kept from `index` on, up to the next that is drawn. */
export function keptRun(kept: Int32Array, index: number): Int32Array {
  const end = kept.indexOf(FREE, index);
  return kept.subarray(index, end < 0 ? kept.length : end);
}

async function encodedIds(
  image: ImageInput,
  option: string,
  tokenizer: GeneratorTokenizer,
  signal: AbortSignal | undefined,
): Promise<Int32Array> {
  if (tokenizer.encode === undefined) {
    const received = `${tokenizer.info.modelId}, which decodes only`;
    throw expectedBut("UNSUPPORTED", "a tokenizer that encodes", `${option} with an image`, received);
  }
  const { ids } = await tokenizer.encode(image, { features: false, ids: true, ...(signal && { signal }) });
  return ids;
}

function checkedIds(ids: TokenIds, least: number, option: string, { codebookSize }: ImageGeneratorInfo): Int32Array {
  if (!Array.isArray(ids) && !(ids instanceof Int32Array)) {
    throw expected("INVALID_ARGUMENT", "an Int32Array or an array of integers", `the ids of ${option}`, ids);
  }
  if (ids.length < least) {
    throw expectedBut("INVALID_ARGUMENT", `at least ${least} ids`, `the ids of ${option}`, `${ids.length}`);
  }
  const own = ids.slice(0, least);
  const bad = own.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= codebookSize);
  if (bad < 0) return Int32Array.from(own);
  throw expected(
    "INVALID_ARGUMENT",
    `a whole number from 0 to ${codebookSize - 1}`,
    `id ${bad} of ${option}`,
    own[bad],
  );
}

function checkedRedraw(redraw: readonly boolean[], count: number): readonly boolean[] {
  const isWhole = Array.isArray(redraw) && redraw.length === count && redraw.every((one) => typeof one === "boolean");
  if (!isWhole) throw expected("INVALID_ARGUMENT", `${count} booleans`, "redraw of editImage", redraw);
  if (redraw.includes(true)) return redraw;
  throw expectedBut("INVALID_ARGUMENT", "an id that is drawn anew", "redraw of editImage", "none");
}
