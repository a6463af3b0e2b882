import type { LlamaText, Token } from "node-llama-cpp";
import { expected, expectedBut, isObject } from "../../../sdk/kit.ts";
import type { ToolForm, Vocabulary } from "../../prompt/index.ts";
import type { VlmPiece, VlmToolCall } from "../../vision-language-model.ts";
import { loadNodeLlamaCpp } from "../native/node-llama-cpp.ts";
import type { AnswerOptions } from "./answer-options.ts";

/** How an answer may call tools. */
export interface CallPlan {
  readonly form: ToolForm;
  /** Of the JSON of a call. */
  readonly schema: object;
  /** Whether the model may answer without one. */
  readonly isFree: boolean;
}

/**
 * @param form of the model's template
 * @returns null where the answer has no tools
 * @throws UNSUPPORTED for tools of a model whose template has none, and beside a schema; INVALID_ARGUMENT for a choice that
 *   is no tool
 */
export function callPlan(
  { tools, toolChoice = "auto", jsonSchema }: AnswerOptions,
  form: ToolForm | null,
  modelId: string,
): CallPlan | null {
  if (tools === undefined) {
    if (toolChoice === "auto") return null;
    throw expected("INVALID_ARGUMENT", "tools beside it", "the option toolChoice", toolChoice);
  }
  if (form === null) {
    const mend = "Leave the tools out, or give a chat template that has them as the option chatTemplate.";
    throw expectedBut("UNSUPPORTED", "a model whose template calls tools", modelId, "one that calls none", mend);
  }
  if (jsonSchema !== undefined) {
    throw expectedBut("UNSUPPORTED", "tools or jsonSchema", "the options of Vlm.chat", "both");
  }
  const named = typeof toolChoice === "object" ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  if (named.length === 0) {
    const names = tools.map(({ name }) => name).join(", ");
    throw expected("INVALID_ARGUMENT", `one of ${names}`, "the option toolChoice", toolChoice);
  }
  const schemas = named.map(({ name, parameters = {} }, i) => ({
    type: "object",
    properties: {
      name: { const: name },
      [form.field]: { properties: {}, ...rebased(parameters, `#/anyOf/${i}/properties/${form.field}`), type: "object" },
    },
    required: ["name", form.field],
    additionalProperties: false,
  }));
  return { form, schema: { anyOf: schemas }, isFree: toolChoice === "auto" };
}

/** A schema inside another: what it refers to is at `place` there. */
function rebased<T>(schema: T, place: string): T {
  const inner = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inner);
    if (!isObject(value)) return value;
    const entries = Object.entries(value).map(([name, one]) =>
      name === "$ref" && typeof one === "string" ? [name, one.replace(/^#/, place)] : [name, inner(one)],
    );
    return Object.fromEntries(entries);
  };
  return inner(schema) as T;
}

/** What a model begins a call with: the text, and the token that may stand for it. */
export async function callTriggers({ prefix }: ToolForm, { special }: Vocabulary): Promise<(LlamaText | string)[]> {
  const { LlamaText, SpecialTokensText } = await loadNodeLlamaCpp();
  const word = prefix.trim();
  return special.has(word) ? [word, LlamaText(new SpecialTokensText(word))] : [word];
}

/** Whether an answer was ended by one of these, and not by a text of the caller's. */
export function isCallTrigger(
  stoppedBy: readonly (string | Token)[] | null,
  { prefix }: ToolForm,
  { special }: Vocabulary,
): boolean {
  if (stoppedBy === null) return false;
  const word = prefix.trim();
  return stoppedBy.join("") === word || (stoppedBy.length === 1 && stoppedBy[0] === special.get(word));
}

/** Pieces of an answer that may end with a call: the space before the call is no part of it. */
export function holdingSpace(push: (piece: VlmPiece) => void) {
  let space = "";
  return {
    push({ text }: VlmPiece): void {
      const all = space + text;
      const own = all.trimEnd();
      space = all.slice(own.length);
      if (own !== "") push({ text: own });
    },
    /** No call follows. */
    end(): void {
      if (space !== "") push({ text: space });
    },
  };
}

/** A call that a grammar has kept to its form; null for one that was cut off. */
export function readCall(text: string, { prefix, suffix, field }: ToolForm): VlmToolCall | null {
  const begin = text.indexOf("{");
  const end = suffix === "" ? text.length : text.lastIndexOf(suffix.trim());
  if (begin < 0 || end < begin || !text.trimStart().startsWith(prefix.trim())) return null;
  try {
    const { name, [field]: values }: Record<string, unknown> = JSON.parse(text.slice(begin, end));
    return typeof name === "string" && isObject(values) ? { name, arguments: values } : null;
  } catch {
    return null;
  }
}
