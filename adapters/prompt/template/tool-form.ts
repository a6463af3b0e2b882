import { isObject } from "../../../sdk/kit.ts";
import type { VlmTool, VlmToolCall } from "../../vision-language-model.ts";
import type { RenderAnswer } from "./render-template.ts";

/** How a model writes a call of a tool: an object of JSON with the name and the arguments, between two texts. */
export interface ToolForm {
  /** Such as "<tool_call>\n" of Qwen and Hermes. Not empty: a model that begins with it calls. */
  readonly prefix: string;
  readonly suffix: string;
  /** The field of the arguments: "arguments", or Llama's "parameters". */
  readonly field: "arguments" | "parameters";
}

/** As transformers' templates take them: OpenAI's objects. */
export const toolOf = ({ name, description = "", parameters = { type: "object", properties: {} } }: VlmTool) => ({
  type: "function",
  function: { name, description, parameters },
});

export const toolCallOf = ({ name, arguments: values }: VlmToolCall) => ({
  type: "function",
  function: { name, arguments: values },
});

const PROBE = { name: "vqraeTool", arguments: { vqraeField: "a" } };

/** Finds it by having the template write a call. null for a template that takes no tools, or has another form. */
export async function findToolForm(
  source: string,
  render: (messages: readonly object[], generate: boolean, tools: readonly object[]) => Promise<RenderAnswer>,
  question: object,
  endOfTurn: string | null,
): Promise<ToolForm | null> {
  if (!/\btools\b/.test(source) || !/\btool_calls\b/.test(source)) return null;
  const tools = [toolOf({ name: PROBE.name })];
  const asked = await render([question], true, tools);
  const called = await render(
    [question, { role: "assistant", content: "", tool_calls: [toolCallOf(PROBE)] }],
    false,
    tools,
  );
  if ("error" in asked || "error" in called || !asked.text.includes(PROBE.name)) return null;
  let same = 0;
  while (same < asked.text.length && asked.text[same] === called.text[same]) same++;
  const written = called.text.slice(same);
  const named = written.indexOf(PROBE.name);
  const start = written.lastIndexOf("{", named);
  if (named < 0 || start < 0) return null;
  for (let end = written.indexOf("}", named); end >= 0; end = written.indexOf("}", end + 1)) {
    const field = fieldOf(written.slice(start, end + 1));
    if (field === null) continue;
    const prefix = written.slice(0, start).trimStart();
    const [suffix = ""] = endOfTurn === null ? [written.slice(end + 1)] : written.slice(end + 1).split(endOfTurn);
    return prefix.trim() === "" ? null : { prefix, suffix: suffix.trimEnd(), field };
  }
  return null;
}

function fieldOf(text: string): ToolForm["field"] | null {
  try {
    const { name, ...rest }: Record<string, unknown> = JSON.parse(text);
    const [[field, values] = [], ...others] = Object.entries(rest);
    const isCall = name === PROBE.name && others.length === 0 && isObject(values);
    return isCall && (field === "arguments" || field === "parameters") ? field : null;
  } catch {
    return null; // it ends further on
  }
}
