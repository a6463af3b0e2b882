import * as z from "zod";
import type { Resample } from "../../image/view-plan.ts";
import { flag, rgb, rgbScale } from "../fields/config-fields.ts";
import { knownSection, type UnreadFields } from "../fields/known-section.ts";
import { unreadFields } from "./unread-fields.ts";

export type Triple = readonly [red: number, green: number, blue: number];

/** A class's own values. */
export interface PixelDefaults {
  readonly resample: Resample;
  readonly mean: Triple;
  readonly std: Triple;
}

/** transformers' IMAGENET_STANDARD_MEAN and _STD. */
export const half = [0.5, 0.5, 0.5] as const;
/** transformers' OPENAI_CLIP_MEAN and _STD. */
export const openai = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
} as const;

/** Pillow's numbers (`PIL.Image.Resampling`) of the filters that we have: not 0 (nearest) and 5 (hamming). */
const resampleByNumber: Readonly<Record<1 | 2 | 3 | 4, Resample>> = {
  1: "lanczos",
  2: "bilinear",
  3: "bicubic",
  4: "box",
};
const resample = z
  .literal([1, 2, 3, 4], { error: "1 (lanczos), 2 (bilinear), 3 (bicubic) or 4 (box)" })
  .transform((number) => resampleByNumber[number]);

const unitScale = { error: "1/255: pixels are scaled to [0, 1]" };
const yes = z.literal(true, { error: "true" }).default(true);
/** What the class would do, or what its name says though the class leaves it: neither is done here. */
export const never = z.literal(false, { error: "false" }).optional();

/** One number stands for all three channels. */
const perChannel = (triple: typeof rgb) =>
  z.preprocess((value) => (typeof value === "number" ? [value, value, value] : value), triple);

/** The fields that every class has. */
export const pixelFields = ({ resample: filter, mean, std }: PixelDefaults) => ({
  do_resize: yes,
  do_rescale: yes,
  do_normalize: flag.default(true),
  resample: resample.default(filter),
  rescale_factor: z
    .number(unitScale)
    .refine((value) => Math.abs(value * 255 - 1) < 1e-6, unitScale)
    .optional(),
  image_mean: perChannel(rgb).default([...mean]),
  image_std: perChannel(rgbScale).default([...std]),
});

/** The fields of one class: those that count, and besides the harmless ones of all classes its own (`unread`). */
export const processorFields = <T extends z.core.$ZodLooseShape>(fields: T, unread: UnreadFields = {}) =>
  knownSection(fields, unreadFields, unread);

export interface PixelFields {
  readonly do_normalize: boolean;
  readonly resample: Resample;
  readonly image_mean: Triple;
  readonly image_std: Triple;
}

/** How a plan's pixels are resized and normalised. */
export const pixelsOf = ({ do_normalize: normalize, resample, image_mean: mean, image_std: std }: PixelFields) => ({
  resample,
  mean: normalize ? mean : ([0, 0, 0] as const),
  std: normalize ? std : ([1, 1, 1] as const),
});
