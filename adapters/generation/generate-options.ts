import { randomInt } from "node:crypto";
import { expected, expectedBut } from "../../sdk/kit.ts";
import type { GenerateOptions, ImageGeneratorInfo, ImageStart } from "./image-generator.ts";
import { presetNames, presets } from "./sampling/presets.ts";
import type { GuidanceSchedule, Sampling } from "./sampling/sampling.ts";

/** The options of one call, all of them given and checked. */
export interface GenerateRequest {
  readonly seeds: readonly number[];
  readonly sampling: Sampling;
  readonly continueImage: ImageStart | undefined;
  /** 0 is no previews. */
  readonly previewRows: number;
  readonly signal: AbortSignal | undefined;
}

const MAX_IMAGES = 1000;
const SEEDS = 2 ** 32;

const known: Readonly<Record<keyof GenerateOptions, true>> = {
  n: true,
  seed: true,
  preset: true,
  guidanceScale: true,
  guidanceSchedule: true,
  temperature: true,
  topK: true,
  topP: true,
  continueImage: true,
  previewRows: true,
  signal: true,
};

/** @throws INVALID_ARGUMENT for the first option that is wrong; UNSUPPORTED for guidance where there is none */
export function parseGenerateOptions(options: GenerateOptions, info: ImageGeneratorInfo): GenerateRequest {
  if (typeof options !== "object" || options === null) {
    throw expected("INVALID_ARGUMENT", "an object", "the options of generate", options);
  }
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(known, key));
  if (unknown !== undefined) {
    throw expected("INVALID_ARGUMENT", `one of ${Object.keys(known).join(", ")}`, "an option of generate", unknown);
  }
  const { grid } = info;
  const n = number("n", options.n ?? 1, `a whole number from 1 to ${MAX_IMAGES}`, whole(1, MAX_IMAGES));
  const what = `a whole number from 0 to ${SEEDS - n}`;
  const seed = number("seed", options.seed ?? randomInt(SEEDS - n), what, whole(0, SEEDS - n));
  const { continueImage, signal } = options;
  if (continueImage !== undefined) {
    if (typeof continueImage !== "object" || continueImage === null) {
      throw expected("INVALID_ARGUMENT", "{ image, rows } or { ids, rows }", "option continueImage", continueImage);
    }
    const rows = `a whole number from 1 to ${grid.rows - 1}, of ${grid.rows} rows,`;
    number("continueImage.rows", continueImage.rows, rows, whole(1, grid.rows - 1));
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw expected("INVALID_ARGUMENT", "an AbortSignal", "option signal", signal);
  }
  const previewRows = options.previewRows ?? Math.ceil(grid.rows / 4);
  return {
    seeds: Array.from({ length: n }, (_, i) => seed + i),
    sampling: samplingOf(options, info),
    continueImage,
    previewRows: number("previewRows", previewRows, "a whole number >= 0", whole(0, Number.MAX_SAFE_INTEGER)),
    signal,
  };
}

function samplingOf(options: GenerateOptions, info: ImageGeneratorInfo): Sampling {
  const { preset } = options;
  if (preset !== undefined && !presetNames.includes(preset)) {
    throw expected("INVALID_ARGUMENT", `one of ${presetNames.join(", ")}`, "option preset", preset);
  }
  const base: Sampling = preset === undefined ? info.sampling : presets[preset];
  const finite = (low: number) => (value: number) => Number.isFinite(value) && value >= low;
  const sampling = {
    guidanceScale: number("guidanceScale", options.guidanceScale ?? base.guidanceScale, "a number >= 0", finite(0)),
    guidanceSchedule: scheduleOf(options.guidanceSchedule ?? base.guidanceSchedule),
    temperature: number("temperature", options.temperature ?? base.temperature, "a number >= 0", finite(0)),
    topK: number("topK", options.topK ?? base.topK, "a whole number >= 0", whole(0, Number.MAX_SAFE_INTEGER)),
    topP: number("topP", options.topP ?? base.topP, "a number above 0, at most 1", (p) => p > 0 && p <= 1),
  };
  if (sampling.guidanceScale !== 1 && !info.guidance) {
    const mend =
      "A server evaluates one sequence a request. Pass guidanceScale: 1, or load the model in this process, without `server`.";
    const received = `guidanceScale ${sampling.guidanceScale}`;
    throw expectedBut("UNSUPPORTED", "guidanceScale 1", "a llama-server", received, mend);
  }
  return sampling;
}

function scheduleOf(schedule: GuidanceSchedule): GuidanceSchedule {
  if (schedule === "constant" || schedule === "linear") return schedule;
  const interval = (schedule as { interval?: unknown } | null)?.interval;
  if (typeof interval === "number" && Number.isInteger(interval) && interval >= 0) return { interval };
  const what = '"constant", "linear" or { interval: a whole number >= 0 }';
  throw expected("INVALID_ARGUMENT", what, "option guidanceSchedule", schedule);
}

const whole = (low: number, high: number) => (value: number) =>
  Number.isInteger(value) && value >= low && value <= high;

function number(name: string, value: unknown, what: string, accepts: (value: number) => boolean): number {
  if (typeof value === "number" && accepts(value)) return value;
  throw expected("INVALID_ARGUMENT", what, `option ${name}`, value);
}
