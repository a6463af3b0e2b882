import type * as z from "zod";
import type { VqraeError } from "../../errors.ts";
import type { SquarePlan, ViewPlan } from "../../image/view-plan.ts";
import type { PixelFields } from "./pixel-fields.ts";

/**
 * One of transformers' image processors. A family has its own in its folder's `image.ts`; `all.ts` lists those that any
 * checkpoint may name.
 */
export interface ImageProcessor<Fields extends PixelFields = PixelFields> {
  /** The names of its classes, without the "Fast" and "Pil" of variants. */
  readonly classes: readonly string[];
  /** What it makes of an image, which the encoder must take. */
  readonly makes: "squares" | "native";
  /** Whether it resizes and crops only, so that a VLM's own code may stand around it (`VlmImageCode`). */
  readonly plain?: boolean;
  /** Fields that a `processor_class` sets whatever the file says, by its name (`ProcessingKwargs._defaults`). */
  readonly setBy?: Readonly<Record<string, RawFields>>;
  /** Reads its fields. A missing one gets the class's own value; a known one that asks for what cannot be done is refused. */
  readonly fields: z.ZodType<Fields>;
  /** @throws what `consumer.refuse` makes */
  plan(fields: Fields, consumer: ImageConsumer): ViewPlan;
}

/** Fields as a file has them. */
export type RawFields = Readonly<Record<string, unknown>>;

/** A processor with the type of its own fields, as one of all. */
export const defineImageProcessor = <Fields extends PixelFields>(processor: ImageProcessor<Fields>): ImageProcessor =>
  processor;

/** Which images an encoder takes. */
export interface EncoderImages {
  /** Side of the square that it was trained on; null for one that was trained on none. */
  readonly imageSize: number | null;
  readonly patchSize: number;
  /** Which grids of patches it takes: the trained one, any square one, each image's own. */
  readonly grids: "trained" | "square" | "native";
}

export interface ImageConsumer extends EncoderImages {
  /** The class's own size where a file leaves it out; the encoder's where there is no file at all. */
  readonly sizeOr: (classDefault: number) => number;
  /** The error "Expected `what` for `path` in the processor's file but received ...". */
  readonly refuse: Refuse;
}

export type Refuse = (what: string, path: readonly PropertyKey[], mend?: string) => VqraeError;

/** Code of a VLM that prepares images as config.json says, around an image processor that knows nothing of it. */
export interface VlmImageCode<Config = unknown> {
  /** The field of config.json that marks its models. */
  readonly marker: string;
  readonly config: z.ZodType<Config>;
  /** Fields of the image processor: those for which its file may say something else, and those for which not. */
  fields(config: Config, encoder: EncoderImages): { readonly defaults: RawFields; readonly overrides: RawFields };
  /** What becomes of the processor's plan. */
  plan(config: Config, made: MadePlan): SquarePlan;
}

/** What an image processor makes of its fields. */
export interface MadePlan {
  readonly square: SquarePlan;
  readonly fields: PixelFields;
  readonly consumer: ImageConsumer;
  /** The error about a field of config.json. */
  readonly refuseConfig: Refuse;
}

/** The code with the type of its own config, as one of all. */
export const defineVlmImageCode = <Config>(code: VlmImageCode<Config>): VlmImageCode => code;
