import { randomInt } from "node:crypto";
import * as z from "zod";
import { expected, expectedBut, isObject, option, parseOptions, setFields } from "../../sdk/kit.ts";
import type { GenerateOptions, ImageEdit, ImageGeneratorInfo, ImageStart } from "./image-generator.ts";
import { PRESET_NAMES, presets } from "./sampling/presets.ts";
import type { GuidanceSchedule, Sampling } from "./sampling/sampling.ts";
import { samplingOptions } from "./sampling/sampling-options.ts";

/** The options of one call, all of them given and checked. */
export interface GenerateRequest {
  readonly seeds: readonly number[];
  readonly sampling: Sampling;
  readonly continueImage: ImageStart | undefined;
  readonly editImage: ImageEdit | undefined;
  /** 0 is no previews. */
  readonly previewRows: number;
  readonly signal: AbortSignal | undefined;
}

const MAX_IMAGES = 1000;
/** A seed is less. */
export const SEEDS = 2 ** 32;

const schema = z.strictObject({
  n: option.integer(1, MAX_IMAGES),
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
  signal: option.signal,
});

/** @throws INVALID_ARGUMENT for the first option that is wrong; UNSUPPORTED for guidance where there is none */
export function parseGenerateOptions(options: GenerateOptions, info: ImageGeneratorInfo): GenerateRequest {
  const { n = 1, continueImage, editImage, signal, ...given } = parseOptions(schema, options, "generate");
  const { rows } = info.grid;
  const { seed = randomInt(SEEDS - n), previewRows = Math.ceil(rows / 4) } = given;
  if (seed > SEEDS - n) {
    throw expected("INVALID_ARGUMENT", `a whole number from 0 to ${SEEDS - n}`, 'option "seed" of generate', seed);
  }
  if (continueImage !== undefined) parseOptions(startSchema(rows), continueImage, "generate's continueImage");
  if (editImage !== undefined) parseOptions(editSchema, editImage, "generate's editImage");
  if (continueImage !== undefined && editImage !== undefined) {
    throw expectedBut("INVALID_ARGUMENT", "continueImage or editImage", "the options of generate", "both");
  }
  return {
    seeds: Array.from({ length: n }, (_, i) => seed + i),
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

function isSchedule(value: unknown): boolean {
  if (value === "constant" || value === "linear") return true;
  return isObject(value) && Number.isInteger(value.interval) && Number(value.interval) >= 0;
}
