import { Template } from "@huggingface/jinja";

/** What a template is given: messages, and what it may name besides. */
export type TemplateContext = Readonly<Record<string, unknown>>;

export interface RenderJob {
  readonly source: string;
  readonly context: TemplateContext;
}

export type RenderAnswer = { readonly text: string } | { readonly error: string; readonly parsed: boolean };

/** A prompt of a million tokens has some four million characters. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

let last: { readonly source: string; readonly template: Template } | null = null;

/** Renders a template; one that does not parse is an answer too. */
export function renderTemplate({ source, context }: RenderJob): RenderAnswer {
  let parsed = false;
  try {
    if (last?.source !== source) last = { source, template: new Template(withPythonEscapes(source)) };
    parsed = true;
    const text = last.template.render({ ...context });
    if (text.length <= MAX_CHARACTERS) return { text };
    return { error: `it writes ${text.length} characters`, parsed };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error), parsed };
  }
}

/**
 * Python keeps the backslash of an escape that it does not know, such as that of "<\s>" in LLaVA-NeXT's template.
 * @huggingface/jinja refuses it.
 */
const withPythonEscapes = (template: string): string =>
  template.replaceAll(/\{[{%][\s\S]*?[%}]\}/g, (code) =>
    code.replaceAll(/\\([\s\S])/g, (pair, character) => (/[nrtbfv'"\\]/.test(character) ? pair : `\\${pair}`)),
  );
