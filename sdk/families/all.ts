import { isObject } from "../files/read-file.ts";
import { clip } from "./clip/family.ts";
import { dinov2, dinov2WithRegisters } from "./dinov2/family.ts";
import type { EncoderFamily } from "./family.ts";
import { invalidConfig } from "./fields/config-fields.ts";
import { idefics3Vision } from "./idefics3/family.ts";
import { internVit, internVlVision } from "./intern-vit/family.ts";
import { siglip } from "./siglip/family.ts";
import { siglip2 } from "./siglip2/family.ts";
import { vit } from "./vit/family.ts";

const families: readonly EncoderFamily[] = [
  vit,
  siglip,
  siglip2,
  clip,
  dinov2,
  dinov2WithRegisters,
  internVit,
  internVlVision,
  idefics3Vision,
];

const byModelType = new Map(
  families.flatMap((family) =>
    Object.entries(family.modelTypes).map(([modelType, path]) => [modelType, { family, path }] as const),
  ),
);

/** The `model_type`s that encoders can have. */
const encoderModelTypes: readonly string[] = [...byModelType.keys()];

/**
 * The family of a config, and where its vision config sits below it: the config itself, a dual encoder's
 * `vision_config`, or that of a vision language model of whatever type.
 */
export function familyOf(config: Record<string, unknown>, file: string, path: readonly string[]) {
  const found = byModelType.get(config.model_type as string);
  if (found) return found;
  const inner = isObject(config.vision_config) ? byModelType.get(config.vision_config.model_type as string) : undefined;
  if (inner?.path.length === 0) return { family: inner.family, path: ["vision_config"] };
  const known = path.length > 0 ? encoderModelTypes : ["vqrae", ...encoderModelTypes];
  const here = isObject(config.vision_config) ? ["vision_config", "model_type"] : ["model_type"];
  const received = here.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], config);
  throw invalidConfig(`one of ${known.join(", ")}`, [...path, ...here], file, received, visionTowerMend(config));
}

/** The original LLaVA only names its vision tower. */
function visionTowerMend({ mm_vision_tower: tower }: Record<string, unknown>): string | undefined {
  return typeof tower === "string"
    ? `It does not describe its vision tower: put the config.json of ${tower} as its vision_config.`
    : undefined;
}
