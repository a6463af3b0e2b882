import type { VisionLanguageModel, VlmOptions, VlmTool } from "./vision-language-model.ts";

/** Whether the model may call, must, or must call one by its name: every protocol has a form of it. */
export type ToolChoice = "none" | NonNullable<VlmOptions["toolChoice"]>;

export interface AskedTools<T> {
  readonly tools: readonly T[] | undefined;
  /** Default "auto". */
  readonly choice: ToolChoice | undefined;
  /** How the protocol names it. */
  readonly choiceField: string;
  /** Reads a tool of the protocol. It is not called for a model that calls none. */
  toTool(tool: T, i: number): VlmTool;
  /** Told of tools that a model may call, and does not. */
  onIgnored(): void;
  /** An error of the protocol. @param field `choiceField`, or "tools" */
  refuse(message: string, field: string): Error;
}

/**
 * The tools of an answer, as clients of any protocol ask for them.
 * @throws what `refuse` makes, for a call that is asked for where the model, or the request, has no tools
 */
export function askedTools<T>(
  { tools = [], choice = "auto", choiceField, toTool, onIgnored, refuse }: AskedTools<T>,
  { callsTools = false }: Pick<VisionLanguageModel, "callsTools">,
): Pick<VlmOptions, "tools" | "toolChoice"> {
  const mustCall = choice === "required" || typeof choice === "object";
  if (!callsTools) {
    if (mustCall) throw refuse(`Expected another value for ${choiceField}: ${CALLS_NONE}.`, choiceField);
    if (tools.length > 0 && choice !== "none") onIgnored();
    return {};
  }
  if (tools.length === 0 && mustCall) throw refuse(`Expected tools beside ${choiceField} but received none.`, "tools");
  if (tools.length === 0 || choice === "none") return {};
  return { tools: tools.map(toTool), toolChoice: choice };
}

/** Of a model whose template has no tools. */
export const CALLS_NONE = "this model calls no tools. Send auto or none";
