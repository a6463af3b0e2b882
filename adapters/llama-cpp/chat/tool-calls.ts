import type { LlamaText, Token } from "node-llama-cpp";
import { expected, expectedBut, isObject } from "../../../sdk/kit.ts";
import type { ToolForm, Vocabulary } from "../../prompt/index.ts";
import type { DrawnToken, VlmPiece, VlmToolCall } from "../../vision-language-model.ts";
import { loadNodeLlamaCpp } from "../native/node-llama-cpp.ts";
import type { AnswerOptions } from "./answer-options.ts";

/** How an answer may call tools. */
export interface CallPlan {
  /** `between` is null where the answer has one call at most. */
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
  { tools, toolChoice = "auto", parallelToolCalls = false, jsonSchema }: AnswerOptions,
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
      ...(form.hasId && { id: ID_SCHEMA }),
    },
    required: ["name", form.field, ...(form.hasId ? ["id"] : [])],
    additionalProperties: false,
  }));
  const own = parallelToolCalls && typeof toolChoice === "string" ? form : { ...form, between: null };
  return { form: own, schema: { anyOf: schemas }, isFree: toolChoice === "auto" };
}

const ID_SCHEMA = { type: "string", minLength: 9, maxLength: 9 };

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

/** What a model without a text before its calls begins one with. */
const BARE_CALL = '{"name":';

/** The special word that a call begins with; null where a text does. */
function specialWord({ prefix }: ToolForm, { special }: Vocabulary): string | null {
  const begin = prefix.trim();
  return [...special.keys()].find((word) => begin.startsWith(word)) ?? null;
}

/** What a model begins a call with: the text, and the token that may stand for it. */
export async function callTriggers(form: ToolForm, vocabulary: Vocabulary): Promise<(LlamaText | string)[]> {
  const { LlamaText, SpecialTokensText } = await loadNodeLlamaCpp();
  const word = specialWord(form, vocabulary);
  const text = form.prefix.trim() || BARE_CALL;
  return word === null ? [text] : [text, LlamaText(new SpecialTokensText(word))];
}

/** Whether an answer was ended by one of these, and not by a text of the caller's. */
export function isCallTrigger(
  stoppedBy: readonly (string | Token)[] | null,
  form: ToolForm,
  vocabulary: Vocabulary,
): boolean {
  if (stoppedBy === null) return false;
  const word = specialWord(form, vocabulary);
  if (stoppedBy.join("") === (form.prefix.trim() || BARE_CALL)) return true;
  return word !== null && stoppedBy.length === 1 && stoppedBy[0] === vocabulary.special.get(word);
}

/** Pieces of an answer that may end with a call: the space before the call is no part of it. */
export function holdingSpace(push: (piece: VlmPiece) => void) {
  let space = "";
  let held: DrawnToken[] | undefined;
  const pushed = (text: string) => {
    if (text !== "") push({ text, ...(held && { logprobs: held.splice(0) }) });
  };
  return {
    push({ text, logprobs }: VlmPiece): void {
      if (logprobs) held = [...(held ?? []), ...logprobs];
      const all = space + text;
      const own = all.trimEnd();
      space = all.slice(own.length);
      pushed(own);
    },
    /** No call follows. */
    end(): void {
      pushed(space);
    },
  };
}

/** The calls that a grammar has kept to their form, without one that was cut off. */
export function readCalls(text: string, { field }: ToolForm): VlmToolCall[] {
  const calls: VlmToolCall[] = [];
  // Of the texts around them, tokens that are special may be left out.
  for (let begin = text.indexOf("{"); begin >= 0; ) {
    const end = objectEnd(text, begin);
    if (end < 0) break;
    const { name, [field]: values }: Record<string, unknown> = JSON.parse(text.slice(begin, end));
    if (typeof name === "string" && isObject(values)) calls.push({ name, arguments: values });
    begin = text.indexOf("{", end);
  }
  return calls;
}

/** Behind the object of JSON that begins there; -1 where it does not end. */
function objectEnd(text: string, begin: number): number {
  let depth = 0;
  // Strings, in which braces mean nothing, and braces.
  for (const { 0: found, index } of text.slice(begin).matchAll(/"(?:[^"\\]|\\.)*"|[{}]/gs)) {
    if (found === "{") depth += 1;
    else if (found === "}") depth -= 1;
    if (depth === 0) return begin + index + 1;
  }
  return -1;
}
