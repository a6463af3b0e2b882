import { isObject } from "../../../sdk/kit.ts";
import type { VlmTool, VlmToolCall } from "../../vision-language-model.ts";
import type { RenderAnswer } from "./render-template.ts";

/** How a model writes a call of a tool: an object of JSON with the name and the arguments, between two texts. */
export interface ToolForm {
  /** Such as "<tool_call>\n" of Qwen and Hermes, or "[TOOL_CALLS][" of Mistral; empty for Llama, which begins with the object. */
  readonly prefix: string;
  /** What stands between two calls of an answer; null for a template that writes one alone. */
  readonly between: string | null;
  readonly suffix: string;
  /** The field of the arguments: "arguments", or Llama's "parameters". */
  readonly field: "arguments" | "parameters";
  /** Whether the object has an `id` of nine letters and digits, which the tool's message has too; Mistral's. */
  readonly hasId: boolean;
}

/** As transformers' templates take them: OpenAI's objects. */
export const toolOf = ({ name, description = "", parameters = { type: "object", properties: {} } }: VlmTool) => ({
  type: "function",
  function: { name, description, parameters },
});

export const toolCallOf = ({ name, arguments: values }: VlmToolCall, id?: string) => ({
  type: "function",
  ...(id !== undefined && { id }),
  function: { name, arguments: values },
});

/** The id of a conversation's call as `ToolForm.hasId` wants it. */
export const callIdOf = (index: number): string => `call${String(index).padStart(5, "0")}`;

const PROBE = { name: "vqraeTool", arguments: { vqraeField: "a" } };
const SAID = "vqraeSaid";
const TOOLS = [toolOf({ name: PROBE.name })];

type Render = (messages: readonly object[], generate: boolean, tools: readonly object[]) => Promise<RenderAnswer>;

/** Finds it by having the template write calls. null for a template that takes no tools, or has another form. */
export async function findToolForm(
  source: string,
  render: Render,
  question: object,
  endOfTurn: string | null,
): Promise<ToolForm | null> {
  if (!/\btools\b/.test(source) || !/\btool_calls\b/.test(source)) return null;
  /** What the template writes of an answer that says and calls this; null for what it refuses. */
  const written = async (content: string, calls: readonly object[]) => {
    const answer = { role: "assistant", content, ...(calls.length > 0 && { tool_calls: calls }) };
    const rendering = await render([question, answer], false, TOOLS);
    return "text" in rendering ? rendering.text : null;
  };
  const asked = await render([question], true, TOOLS);
  if ("error" in asked || !asked.text.includes(PROBE.name)) return null;
  for (const hasId of [false, true]) {
    const call = (index: number) => toolCallOf(PROBE, hasId ? callIdOf(index) : undefined);
    const text = await written("", [call(0)]);
    const found = text === null ? null : callIn(text);
    if (text === null || found === null) continue;
    const behindText = await prefixBehindText(written, call(0));
    // Some templates end the turn between the two.
    const isOwn = behindText !== null && (endOfTurn === null || !behindText.includes(endOfTurn));
    const prefix = isOwn ? behindText : await prefixOf(written, text.slice(0, found.start));
    const behind = text.slice(found.end);
    const [suffix = ""] = endOfTurn === null ? [behind] : behind.split(endOfTurn);
    const two = await written("", [call(0), call(1)]);
    const second = two === null ? null : callIn(two);
    const between = two === null || second === null ? null : two.slice(found.end, second.start);
    return {
      prefix: prefix.trimStart(),
      // A call that stands in another place than the first has no text before it.
      between: between === "" ? null : between,
      suffix: suffix.trimEnd(),
      field: found.field,
      hasId: found.hasId,
    };
  }
  return null;
}

type Written = (content: string, calls: readonly object[]) => Promise<string | null>;

/** What stands between a text of the answer and its call; null where the template leaves such a text out. */
async function prefixBehindText(written: Written, call: object): Promise<string | null> {
  const text = await written(SAID, [call]);
  const found = text === null ? null : callIn(text);
  const said = text?.lastIndexOf(SAID) ?? -1;
  if (text === null || found === null || said < 0 || said > found.start) return null;
  return text.slice(said + SAID.length, found.start);
}

/** What stands before a call behind what begins any answer. @param before all that stands before it */
async function prefixOf(written: Written, before: string): Promise<string> {
  const plain = await written(SAID, []);
  const begin = plain?.slice(0, plain.lastIndexOf(SAID)) ?? "";
  let same = 0;
  while (same < begin.length && begin[same] === before[same]) same++;
  // Where the two part inside a line, all of the line is of the call.
  return before.slice(same < begin.length ? before.lastIndexOf("\n", same - 1) + 1 : same);
}

/** The last call of a text. */
function callIn(text: string) {
  const named = text.lastIndexOf(PROBE.name);
  const start = text.lastIndexOf("{", named);
  if (named < 0 || start < 0) return null;
  for (let end = text.indexOf("}", named) + 1; end > 0; end = text.indexOf("}", end) + 1) {
    const fields = fieldsOf(text.slice(start, end));
    if (fields !== null) return { start, end, ...fields };
  }
  return null;
}

function fieldsOf(text: string): Pick<ToolForm, "field" | "hasId"> | null {
  try {
    const { name, id, ...rest }: Record<string, unknown> = JSON.parse(text);
    const [[field, values] = [], ...others] = Object.entries(rest);
    const isCall = name === PROBE.name && others.length === 0 && isObject(values);
    if (!isCall || (field !== "arguments" && field !== "parameters")) return null;
    return { field, hasId: id !== undefined };
  } catch {
    return null; // it ends further on
  }
}
