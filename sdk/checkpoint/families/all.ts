import { invalidConfig } from "../config-fields.ts";
import type { EncoderFamily } from "./family.ts";
import { siglip } from "./siglip.ts";
import { vit } from "./vit.ts";

const families: readonly EncoderFamily[] = [vit, siglip];

const byModelType = new Map(
  families.flatMap((family) =>
    Object.entries(family.modelTypes).map(([modelType, path]) => [modelType, { family, path }] as const),
  ),
);

/** The `model_type`s that encoders can have. */
const encoderModelTypes: readonly string[] = [...byModelType.keys()];

/** The family of a `model_type`, and where its vision config sits below the config that names it. */
export function familyOf(modelType: unknown, file: string, path: readonly string[]) {
  const found = byModelType.get(modelType as string);
  if (found) return found;
  const known = path.length > 0 ? encoderModelTypes : ["vqrae", ...encoderModelTypes];
  throw invalidConfig(`one of ${known.join(", ")}`, [...path, "model_type"], file, modelType);
}
