import { randomUUID } from "node:crypto";
import * as z from "zod";
import { isObject } from "../../../sdk/kit.ts";
import type { VisionLanguageModel, VlmOptions, VlmTool, VlmToolCall } from "../../vision-language-model.ts";
import { ApiError } from "../http/api-error.ts";
import { ignored, jsonSchema, listOf } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";
import type { Call } from "../route.ts";
import { warnOfTools } from "./warn-of-tools.ts";

const NAME = z.string().regex(/^[\w.-]{1,64}$/, "Expected a name of letters, digits, dots, dashes and underscores");

const tool = z.object({
  type: z.literal("function", "only functions are supported.").default("function"),
  function: z.object({
    name: NAME,
    description: z.string().optional(),
    parameters: jsonSchema.optional(),
    strict: ignored,
  }),
});

const named = z.object({ type: z.literal("function"), function: z.object({ name: NAME }) });

/** OpenAI's. What a model without tools does with them is decided when the model is known. */
export const toolFields = ({ parts }: EndpointLimits) => ({
  tools: listOf(z.unknown(), parts).optional(),
  tool_choice: z.union([z.enum(["none", "auto", "required"]), named]).optional(),
});

export const calledTool = "this model calls no tools. Send auto or none";

/** The arguments of a call, which clients send back as they came: as text. */
const callArguments = z.string().transform((text, context): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text === "" ? "{}" : text);
    if (isObject(value)) return value;
  } catch {
    // the same as what is no object
  }
  context.issues.push({ code: "custom", message: "Expected an object of JSON, as text", input: text });
  return z.NEVER;
});

export const toolCalls = (most: number) =>
  listOf(
    z
      .object({ function: z.object({ name: z.string(), arguments: callArguments }) })
      .transform(({ function: call }) => call),
    most,
  ).optional();

interface ToolRequest {
  readonly tools?: readonly unknown[] | undefined;
  readonly tool_choice?: z.output<ReturnType<typeof toolFields>["tool_choice"]>;
}

/**
 * The tools of an answer. Of a model that calls none they are warned of.
 * @throws ApiError 400 for a call that is asked for and a model that calls none
 */
export function toTools(
  { tools = [], tool_choice: choice = "auto" }: ToolRequest,
  { callsTools = false }: VisionLanguageModel,
  call: Pick<Call, "warn">,
): Pick<VlmOptions, "tools" | "toolChoice"> {
  const mustCall = choice === "required" || typeof choice === "object";
  if (!callsTools) {
    if (mustCall)
      throw new ApiError(400, `Expected another value for tool_choice: ${calledTool}.`, { param: "tool_choice" });
    warnOfTools("tools", tools, choice, call);
    return {};
  }
  if (tools.length === 0 && mustCall) {
    throw new ApiError(400, "Expected tools beside tool_choice but received none.", { param: "tools" });
  }
  if (tools.length === 0 || choice === "none") return {};
  const toolChoice = typeof choice === "object" ? { name: choice.function.name } : choice;
  return { tools: tools.map(toTool), toolChoice };
}

function toTool(given: unknown, i: number): VlmTool {
  const { success, data, error } = tool.safeParse(given);
  if (success) {
    const { name, description, parameters } = data.function;
    return { name, ...(description !== undefined && { description }), ...(parameters && { parameters }) };
  }
  const [issue] = error.issues;
  const param = [`tools[${i}]`, ...(issue?.path ?? [])].join(".");
  throw new ApiError(400, `Expected another value for ${param}: ${issue?.message}.`, { param });
}

/** OpenAI's objects of calls. */
export const toolCallObjects = (calls: readonly VlmToolCall[]) =>
  calls.map(({ name, arguments: values }) => ({
    id: `call_${randomUUID()}`,
    type: "function",
    function: { name, arguments: JSON.stringify(values) },
  }));
