import { randomInt } from "node:crypto";
import * as z from "zod";
import { expected, expectedBut, isObject, option, parseOptions, setFields } from "../../sdk/kit.ts";
import type { GenerateOptions, ImageEdit, ImageGeneratorInfo, ImageStart } from "./image-generator.ts";
import { PRESET_NAMES, presets } from "./sampling/presets.ts";
import type { GuidanceSchedule, Sampling } from "./sampling/sampling.ts";
import { samplingOptions } from "./sampling/sampling-options.ts";
import type { ImageRequest } from "./sources/id-source.ts";

/** The options of one call, all of them given and checked. */
export interface GenerateRequest {
  /** `bestOf` drawings of each image, image after image: at least one. */
  readonly drawings: readonly ImageRequest[];
  readonly bestOf: number;
  readonly sampling: Sampling;
  readonly continueImage: ImageStart | undefined;
  readonly editImage: ImageEdit | undefined;
  /** 0 is no previews. */
  readonly previewRows: number;
  readonly signal: AbortSignal | undefined;
}

const MAX_DRAWINGS = 1000;
/** A seed is less. */
export const SEEDS = 2 ** 32;

const schema = z.strictObject({
  n: option.integer(1, MAX_DRAWINGS),
  bestOf: option.integer(1, MAX_DRAWINGS),
  seed: option.integer(0, SEEDS - 1),
  preset: option.oneOf(...PRESET_NAMES),
  ...samplingOptions,
  guidanceSchedule: option.custom<GuidanceSchedule>(
    '"constant", "linear" or { interval: a whole number >= 0 }',
    isSchedule,
  ),
  continueImage: option.custom<ImageStart>("{ image, rows } or { ids, rows }", isObject),
  editImage: option.custom<ImageEdit>("{ image, mask } or { ids, redraw }", isObject),
  previewRows: option.integer(0),
  imageSignals: option.custom<NonNullable<GenerateOptions["imageSignals"]>>(
    "a list of AbortSignals, one for each image, or undefined",
    isSignals,
  ),
  signal: option.signal,
});

/** @throws INVALID_ARGUMENT for the first option that is wrong; UNSUPPORTED for guidance or bestOf where there is none */
export function parseGenerateOptions(
  prompt: string | readonly string[],
  options: GenerateOptions,
  info: ImageGeneratorInfo,
): GenerateRequest {
  const prompts = promptsOf(prompt);
  const parsed = parseOptions(schema, options, "generate");
  const { n = 1, bestOf = 1, continueImage, editImage, imageSignals, signal, ...given } = parsed;
  const { rows } = info.grid;
  const count = prompts.length * n;
  const draws = count * bestOf;
  if (draws > MAX_DRAWINGS) {
    const received = `${n} of each of ${prompts.length} prompts${bestOf > 1 ? `, each the best of ${bestOf}` : ""}`;
    throw expectedBut("INVALID_ARGUMENT", `at most ${MAX_DRAWINGS} drawings`, "a call of generate", received);
  }
  if (bestOf > 1 && !info.likelihoods) {
    const mend =
      "A server does not say how likely its ids are. Leave bestOf out, or load the model in this process, without `server`.";
    throw expectedBut("UNSUPPORTED", "bestOf 1", "a llama-server", `bestOf ${bestOf}`, mend);
  }
  // A preview takes as long as the image where pixels are drawn in steps.
  const usual = info.decodeSteps === undefined ? Math.ceil(rows / 4) : 0;
  const { seed = randomInt(SEEDS - draws), previewRows = usual } = given;
  if (seed > SEEDS - draws) {
    throw expected("INVALID_ARGUMENT", `a whole number from 0 to ${SEEDS - draws}`, 'option "seed" of generate', seed);
  }
  if (imageSignals !== undefined && imageSignals.length !== count) {
    const what = `${count} signals or undefined, one for each image,`;
    throw expectedBut("INVALID_ARGUMENT", what, 'option "imageSignals" of generate', `${imageSignals.length}`);
  }
  if (continueImage !== undefined) parseOptions(startSchema(rows), continueImage, "generate's continueImage");
  if (editImage !== undefined) parseOptions(editSchema, editImage, "generate's editImage");
  if (continueImage !== undefined && editImage !== undefined) {
    throw expectedBut("INVALID_ARGUMENT", "continueImage or editImage", "the options of generate", "both");
  }
  return {
    drawings: Array.from({ length: draws }, (_, i) => {
      const image = Math.floor(i / bestOf);
      return { prompt: prompts[Math.floor(image / n)]!, seed: seed + i, signal: imageSignals?.[image] };
    }),
    bestOf,
    sampling: samplingOf(given, info),
    continueImage,
    editImage,
    previewRows,
    signal,
  };
}

/** Of an image that goes on; what its ids or its pixels are is checked where they are read. */
const startSchema = (rows: number) =>
  z.strictObject({
    image: z.unknown().optional(),
    ids: z.unknown().optional(),
    rows: z
      .int()
      .min(1)
      .max(rows - 1)
      .describe(`a whole number from 1 to ${rows - 1}, of ${rows} rows,`),
  });

/** Images, ids and lists are checked where they are read. */
const editSchema = z
  .strictObject({
    image: z.unknown().optional(),
    mask: z.unknown().optional().describe("a mask beside an image, without ids or redraw,"),
    ids: z.unknown().optional(),
    redraw: z.unknown().optional(),
  })
  .refine(({ mask, ids, redraw }) => mask === undefined || (ids ?? redraw) === undefined, { path: ["mask"] });

function samplingOf({ preset, ...given }: z.infer<typeof schema>, info: ImageGeneratorInfo): Sampling {
  const base: Sampling = preset === undefined ? info.sampling : presets[preset];
  const { guidanceScale, guidanceSchedule, temperature, topK, topP } = given;
  const sampling = { ...base, ...setFields({ guidanceScale, guidanceSchedule, temperature, topK, topP }) };
  if (sampling.guidanceScale !== 1 && !info.guidance) {
    const mend =
      "A server evaluates one sequence a request. Pass guidanceScale: 1, or load the model in this process, without `server`.";
    const received = `guidanceScale ${sampling.guidanceScale}`;
    throw expectedBut("UNSUPPORTED", "guidanceScale 1", "a llama-server", received, mend);
  }
  return sampling;
}

function promptsOf(prompt: unknown): readonly string[] {
  const prompts: readonly unknown[] = Array.isArray(prompt) ? prompt : [prompt];
  if (prompts.length === 0) throw expectedBut("INVALID_ARGUMENT", "at least one text", "the prompts", "none");
  return prompts.map((one, i) => {
    if (typeof one === "string") return one;
    throw expected("INVALID_ARGUMENT", "a text", Array.isArray(prompt) ? `prompt ${i}` : "the prompt", one);
  });
}

function isSignals(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => one === undefined || one instanceof AbortSignal);
}

function isSchedule(value: unknown): boolean {
  if (value === "constant" || value === "linear") return true;
  return isObject(value) && Number.isInteger(value.interval) && Number(value.interval) >= 0;
}
