import { randomUUID } from "node:crypto";
import * as z from "zod";
import { isObject } from "../../../sdk/kit.ts";
import { askedTools, type ToolChoice } from "../../asked-tools.ts";
import type { VisionLanguageModel, VlmOptions, VlmTool, VlmToolCall } from "../../vision-language-model.ts";
import { TextStructure } from "../body/text-structure.ts";
import { ApiError } from "../http/api-error.ts";
import { ignored, jsonSchema, listOf } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";
import type { Call } from "../route.ts";
import { warnOfTools } from "./warn-of-tools.ts";

const NAME = z.string().regex(/^[\w.-]{1,64}$/, "Expected a name of letters, digits, dots, dashes and underscores");

export const toolType = z.literal("function", "only functions are supported.").default("function");

/** What a protocol's tool has beside its type. */
export const functionFields = {
  name: NAME,
  description: z.string().optional(),
  parameters: jsonSchema.optional(),
  strict: ignored,
};

/** A tool in the form of chat, which Ollama has too. */
export const chatTool = z
  .object({ type: toolType, function: z.object(functionFields) })
  .transform(({ function: given }) => given);

const named = z
  .object({ type: z.literal("function"), function: z.object({ name: NAME }) })
  .transform(({ function: { name } }) => ({ name }));

/** What a model without tools does with them is decided when the model is known. */
export const toolList = ({ parts }: EndpointLimits) => listOf(z.unknown(), parts).optional();

/** Some of the tools, of which the model may call one, or must. */
export interface AllowedTools {
  readonly allowed: readonly string[];
  readonly mode: "auto" | "required";
}
export const allowedMode = z.enum(["auto", "required"]);
const allowed = z
  .object({
    type: z.literal("allowed_tools"),
    allowed_tools: z.object({ mode: allowedMode, tools: z.array(z.object({ function: z.object({ name: NAME }) })) }),
  })
  .transform(
    ({ allowed_tools: { mode, tools } }): AllowedTools => ({ mode, allowed: tools.map((tool) => tool.function.name) }),
  );

/** "any" is Mistral's name. */
export const choiceWord = z
  .enum(["none", "auto", "required", "any"])
  .transform((choice) => (choice === "any" ? "required" : choice));

export const toolFields = (limits: EndpointLimits) => ({
  tools: toolList(limits),
  parallel_tool_calls: z.boolean().optional(),
  tool_choice: z
    .union([choiceWord, named, allowed], { error: "Expected none, auto, required or a function" })
    .optional(),
});

/** The arguments of the calls of one request, which clients send back as they came: as text. */
export function callArguments(limits: EndpointLimits) {
  const structure = new TextStructure(limits);
  return z.string().transform((text, context): Readonly<Record<string, unknown>> => {
    const refuse = (message: string) => {
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    };
    if (!structure.take(text)) return refuse("Expected less JSON than the limits of a body allow");
    try {
      const value: unknown = JSON.parse(text === "" ? "{}" : text);
      if (isObject(value)) return value;
    } catch {
      // the same as what is no object
    }
    return refuse("Expected an object of JSON, as text");
  });
}

/** Calls that an assistant's message has. @param values the arguments */
export const toolCalls = (values: z.ZodType<VlmToolCall["arguments"]>, most: number) =>
  listOf(
    z
      .object({ id: z.string().optional(), function: z.object({ name: z.string(), arguments: values }) })
      .transform(({ id, function: call }): VlmToolCall => ({ ...(id !== undefined && { id }), ...call })),
    most,
  ).optional();

interface ToolRequest {
  /** Whether an answer may have several calls. */
  readonly parallel?: boolean | undefined;
  readonly tools?: readonly unknown[] | undefined;
  readonly choice?: ToolChoice | AllowedTools | undefined;
  /** Of a tool in the protocol. */
  readonly form: z.ZodType<z.output<typeof chatTool>>;
}

/**
 * The tools of an answer. Of a model that calls none they are warned of.
 * @throws ApiError 400 for a tool in another form, and for a call that is asked for and a model that calls none
 */
export function toTools(
  request: ToolRequest,
  model: VisionLanguageModel,
  call: Pick<Call, "warn">,
): Pick<VlmOptions, "tools" | "toolChoice" | "parallelToolCalls"> {
  const { tools, choice, form } = chosen(request);
  const asked = askedTools(
    {
      tools,
      choice,
      choiceField: "tool_choice",
      toTool: (given, i) => toTool(form, given, i),
      onIgnored: () => warnOfTools("tools", tools, choice, call),
      refuse: (message, param) => new ApiError(400, message, { param }),
    },
    model,
  );
  return { ...asked, ...(asked.tools && request.parallel && { parallelToolCalls: true }) };
}

/** The request with the tools alone that it allows. */
function chosen({ tools = [], choice, form }: ToolRequest) {
  if (typeof choice !== "object" || !("allowed" in choice)) return { tools, choice, form };
  const isAllowed = (tool: unknown) => choice.allowed.includes(nameOf(tool));
  return { tools: tools.filter(isAllowed), choice: choice.mode, form };
}

/** Of a tool in any of the protocols' forms. */
const namedTool = z.union([
  z.object({ function: z.object({ name: z.string() }) }).transform((tool) => tool.function.name),
  z.object({ name: z.string() }).transform(({ name }) => name),
]);
const nameOf = (tool: unknown): string => namedTool.safeParse(tool).data ?? "";

function toTool(form: ToolRequest["form"], given: unknown, i: number): VlmTool {
  const { success, data, error } = form.safeParse(given);
  if (success) {
    const { name, description, parameters } = data;
    return { name, ...(description !== undefined && { description }), ...(parameters && { parameters }) };
  }
  const [issue] = error.issues;
  const param = [`tools[${i}]`, ...(issue?.path ?? [])].join(".");
  throw new ApiError(400, `Expected another value for ${param}: ${issue?.message}.`, { param });
}

/** @throws ApiError 400 for a message of tools, and a model that calls none */
export function requireTools({ callsTools = false }: VisionLanguageModel, param: string): void {
  if (callsTools) return;
  throw new ApiError(400, `Expected no messages of tools for ${param}: this model calls none.`, { param });
}

/** Ids of calls, by which clients give back what came of them. @param prefix as the protocol's own begin */
export const withIds = (calls: readonly VlmToolCall[] = [], prefix = "call_") =>
  calls.map((call) => ({ ...call, id: `${prefix}${randomUUID().replaceAll("-", "")}` }));

/** OpenAI's objects of calls. */
export const toolCallObjects = (calls: readonly VlmToolCall[]) =>
  withIds(calls).map(({ id, name, arguments: values }) => ({
    id,
    type: "function",
    function: { name, arguments: JSON.stringify(values) },
  }));
