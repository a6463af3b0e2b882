import { isObject } from "../files/read-file.ts";
import { invalidConfig } from "./fields/config-fields.ts";

interface WithModelTypes {
  readonly modelTypes: Readonly<Record<string, readonly string[]>>;
}

/** Where a family was found in a config. */
export interface FoundFamily<F> {
  readonly family: F;
  /** The keys that lead from the config to the family's section. */
  readonly path: readonly string[];
}

/**
 * The family of a config, and where its section sits below it: the config itself, a dual encoder's `vision_config`, or that
 * of a vision language model of whatever type. The first of `families` that has the type is taken.
 *
 * @param at where the config sits in `file`, for messages
 * @throws INVALID_CONFIG with the types that are known
 */
export function familyOf<F extends WithModelTypes>(
  families: readonly F[],
  config: Record<string, unknown>,
  file: string,
  at: readonly string[] = [],
): FoundFamily<F> {
  const { model_type: type, vision_config: vision } = config;
  const found = byModelType(families, type);
  if (found) return found;
  const inner = isObject(vision) ? byModelType(families, vision.model_type) : null;
  if (inner?.path.length === 0) return { family: inner.family, path: ["vision_config"] };
  const known = families.flatMap(({ modelTypes }) => Object.keys(modelTypes)).join(", ");
  const here = isObject(vision) ? ["vision_config", "model_type"] : ["model_type"];
  const received = isObject(vision) ? vision.model_type : type;
  throw invalidConfig(`one of ${known}`, [...at, ...here], file, received, visionTowerMend(config));
}

function byModelType<F extends WithModelTypes>(families: readonly F[], type: unknown): FoundFamily<F> | null {
  if (typeof type !== "string") return null;
  for (const family of families) {
    if (!Object.hasOwn(family.modelTypes, type)) continue;
    const path = family.modelTypes[type];
    if (path) return { family, path };
  }
  return null;
}

/** The original LLaVA only names its vision tower. */
function visionTowerMend({ mm_vision_tower: tower }: Record<string, unknown>): string | undefined {
  return typeof tower === "string"
    ? `It does not describe its vision tower: put the config.json of ${tower} as its vision_config.`
    : undefined;
}

/** The section of a config that `path` leads to. */
export const sectionAt = (config: unknown, path: readonly string[]): unknown =>
  path.reduce((outer, key) => (isObject(outer) ? outer[key] : undefined), config);
