import { Template } from "@huggingface/jinja";
import { expect, it } from "vitest";
import { findToolForm } from "../../../adapters/prompt/template/tool-form.ts";
import { TOOL_TEMPLATE } from "../../helpers/tool-template.ts";
import { HERMES, LLAMA, MISTRAL, QWEN3, QWQ } from "../../helpers/tool-templates.ts";

function formOf(source: string, endOfTurn: string) {
  const render = async (messages: readonly object[], generate: boolean, tools: readonly object[]) => {
    try {
      return { text: new Template(source).render({ tools, messages, add_generation_prompt: generate }) };
    } catch (error) {
      return { error: String(error), parsed: true };
    }
  };
  return findToolForm(source, render, { role: "user", content: "a" }, endOfTurn);
}

const hermes = {
  prefix: "<tool_call>\n",
  between: "\n</tool_call>\n<tool_call>\n",
  suffix: "\n</tool_call>",
  field: "arguments",
  hasId: false,
};

it.each<[string, string, string, object]>([
  ["Qwen2.5", TOOL_TEMPLATE, "<|im_end|>", hermes],
  ["Qwen3, whose last answer has a thought before it", QWEN3, "<|im_end|>", hermes],
  ["QwQ, whose answers begin in a thought", QWQ, "<|im_end|>", hermes],
  ["Hermes", HERMES, "<|im_end|>", hermes],
  [
    "Llama, one a message",
    LLAMA,
    "<|eot_id|>",
    { prefix: "", between: null, suffix: "", field: "parameters", hasId: false },
  ],
  [
    "Mistral, a list with ids",
    MISTRAL,
    "</s>",
    { prefix: "[TOOL_CALLS][", between: ", ", suffix: "]", field: "arguments", hasId: true },
  ],
])("finds the form of a call: %s", async (_name, source, end, form) => {
  expect(await formOf(source, end)).toEqual(form);
});

it("finds none where a call is no object of JSON, or the template leaves the tools out", async () => {
  expect(await formOf(HERMES.replace('{"name": "', "<function="), "<|im_end|>")).toBeNull();
  expect(await formOf(HERMES.replace("{{- tool | tojson }}", ""), "<|im_end|>")).toBeNull();
});
