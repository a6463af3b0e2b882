import type { TemplateVariables, VisionLanguageModel, VlmOptions } from "../../vision-language-model.ts";
import type { Call } from "../route.ts";

/** A variable of the chat template that a request sets, and the request's field. */
export interface AskedVariable {
  readonly field: string;
  readonly name: string;
  /** undefined where the request does not set it. */
  readonly value: unknown;
}

const isPlain = (value: unknown): value is TemplateVariables[string] =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/** Those that the model's template reads. Others are warned of. */
export function toTemplateVariables(
  asked: readonly AskedVariable[],
  model: VisionLanguageModel,
  { warn }: Pick<Call, "warn">,
): Pick<VlmOptions, "templateVariables"> {
  const taken: [string, TemplateVariables[string]][] = [];
  for (const { field, name, value } of asked) {
    if (value === undefined) continue;
    if (isPlain(value) && model.takesTemplateVariable?.(name)) taken.push([name, value]);
    else warn(`${field} has no effect here.`);
  }
  return taken.length === 0 ? {} : { templateVariables: Object.fromEntries(taken) };
}
