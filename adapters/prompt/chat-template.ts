import { Template } from "@huggingface/jinja";
import { expectedBut } from "../../sdk/kit.ts";
import type { VlmMessage } from "../vision-language-model.ts";
import { GUARD, guarded, type Vocabulary } from "./vocabulary.ts";

/** A template and where it was found, for messages. */
export interface TemplateText {
  readonly text: string;
  readonly file: string;
}

type Role = VlmMessage["role"];

/** One message of a conversation: texts, and null for each image. */
export interface TemplateMessage {
  readonly role: Role;
  readonly parts: readonly (string | null)[];
}

export interface RenderedPrompt {
  readonly text: string;
  /** What stands in the text for each image, in order. */
  readonly imagePlace: string;
  /** Whether the template writes it, and what belongs around it; otherwise it is part of a message's text. */
  readonly byTemplate: boolean;
}

/** Stands for an image where a template takes text alone. */
const MARK = "\uFDD3";
const PROBE = "vqraeProbe";

/** What templates write for an image, besides what the checkpoint itself says. */
const KNOWN_PLACES = [
  "<|image_pad|>",
  "<start_of_image>",
  "<IMG_CONTEXT>",
  "<image_soft_token>",
  "<|image|>",
  "<|media_pad|>",
  "<image>",
  "[IMG]",
  "<image_placeholder>",
];

/**
 * A model's own chat template. What it takes, texts or typed parts, for which roles, and what it writes for an image,
 * is found by rendering it, as llama.cpp does (common/jinja/caps.cpp).
 */
export class ChatTemplate {
  readonly file: string;
  readonly source: string;
  readonly #template: Template;
  readonly #vocabulary: Vocabulary;
  readonly #words: readonly string[];
  /** Roles whose content is a list of typed parts; the others take text. */
  readonly #typed: ReadonlySet<Role>;
  /** null where the template writes nothing for an image: then the image's place is part of the text. */
  readonly #place: string | null;

  /**
   * @param places what the checkpoint says that its templates write for an image
   * @throws UNSUPPORTED for a template that cannot be rendered, or that writes no user's text
   */
  constructor({ text, file }: TemplateText, vocabulary: Vocabulary, places: readonly string[] = []) {
    this.file = file;
    this.source = text;
    this.#vocabulary = vocabulary;
    try {
      this.#template = new Template(withPythonEscapes(text));
    } catch (cause) {
      throw unusable(file, `one that does not parse (${messageOf(cause)})`, cause);
    }
    const known = [...places, ...KNOWN_PLACES];
    this.#words = [...new Set([...vocabulary.special.keys(), ...known])];
    this.#typed = this.#typedRoles();
    this.#place = this.#typed.has("user") ? this.#findPlace(known) : null;
  }

  /** What ends an answer: the special word, or else the text, that the template writes behind one. */
  get endOfTurn(): string | null {
    const turns = [this.#message("user", ["a"]), this.#message("assistant", [PROBE])];
    const behind = this.#try(turns, false)?.split(PROBE).at(-1)?.trim() ?? "";
    const special = [...this.#vocabulary.special.keys()].filter((word) => behind.startsWith(word));
    const [word = behind] = special.sort((a, b) => b.length - a.length);
    return word === "" ? null : word;
  }

  /**
   * The conversation as the template writes it, up to where the model's answer begins.
   * @throws INVALID_ARGUMENT where the template refuses the conversation; UNSUPPORTED where it leaves out an image
   */
  render(messages: readonly TemplateMessage[]): RenderedPrompt {
    const turns = messages.map(({ role, parts }) => this.#message(role, this.#guarded(parts)));
    let text: string;
    try {
      text = this.#render(turns, true);
    } catch (cause) {
      const received = `one that it refuses (${messageOf(cause)})`;
      throw expectedBut("INVALID_ARGUMENT", "a conversation that its template takes", this.file, received, { cause });
    }
    const imagePlace = this.#place ?? MARK;
    const written = text.split(imagePlace).length - 1;
    const given = messages.flatMap(({ parts }) => parts).filter((part) => part === null).length;
    if (written === given) return { text, imagePlace, byTemplate: this.#place !== null };
    const what = `a place for each of ${given} images`;
    throw expectedBut("UNSUPPORTED", what, `the chat template ${this.file}`, `${written} places`, MEND);
  }

  /** The template's own words in `text` no longer mean anything. */
  guard(text: string): string {
    return guarded(text.replaceAll(MARK, "\uFFFD"), this.#words);
  }

  #guarded(parts: TemplateMessage["parts"]): (string | null)[] {
    const safe: (string | null)[] = [];
    for (const [i, part] of parts.entries()) {
      const before = parts[i - 1];
      if (part === null || typeof before !== "string") safe.push(part === null ? null : this.guard(part));
      else {
        // Two texts must not make a special word where they meet.
        const meet = this.guard(before + part) !== this.guard(before) + this.guard(part);
        safe.push((meet ? GUARD : "") + this.guard(part));
      }
    }
    return safe;
  }

  #message(role: Role, parts: readonly (string | null)[], typed = this.#typed.has(role)): object {
    if (!typed) return { role, content: parts.map((part) => part ?? MARK).join("") };
    const content = parts.map((part) => {
      if (part !== null) return { type: "text", text: part };
      return this.#place === null ? { type: "text", text: MARK } : { type: "image" };
    });
    return { role, content };
  }

  #render(messages: readonly object[], generate: boolean): string {
    const { bosText, eosText } = this.#vocabulary;
    return this.#template.render({
      messages,
      add_generation_prompt: generate,
      bos_token: bosText,
      eos_token: eosText,
    });
  }

  /** null for what the template does not take. */
  #try(messages: readonly object[], generate: boolean): string | null {
    try {
      return this.#render(messages, generate);
    } catch {
      return null;
    }
  }

  #typedRoles(): Set<Role> {
    const typed = new Set<Role>();
    const user = (own: boolean) => this.#message("user", [PROBE], own);
    if (holds(this.#try([user(true)], true))) typed.add("user");
    else if (!holds(this.#try([user(false)], true))) {
      const reason = this.#reason([user(false)]);
      throw unusable(this.file, `one that writes no text of a user${reason}`);
    }
    const isTyped = typed.has("user");
    const question = this.#message("user", ["a"], isTyped);
    const others = { system: (own: object) => [own, question], assistant: (own: object) => [question, own, question] };
    for (const role of ["system", "assistant"] as const) {
      const takes = (own: boolean) => holds(this.#try(others[role](this.#message(role, [PROBE], own)), true));
      if (takes(isTyped) ? isTyped : takes(!isTyped) && !isTyped) typed.add(role);
    }
    return typed;
  }

  #reason(messages: readonly object[]): string {
    try {
      this.#render(messages, true);
      return "";
    } catch (error) {
      return ` (${messageOf(error)})`;
    }
  }

  #findPlace(known: readonly string[]): string | null {
    const text = { type: "text", text: PROBE };
    const seen = this.#try([{ role: "user", content: [{ type: "image" }, text] }], true);
    const blind = this.#try([{ role: "user", content: [text] }], true);
    const place = known.find((word) => seen?.split(word).length === 2 && !blind?.includes(word));
    if (place !== undefined) return place;
    if (seen === null || seen === blind) return null;
    throw unusable(this.file, "one that writes something for an image that is not known");
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

const MEND = "Give another one as the option chatTemplate.";

const unusable = (file: string, received: string, cause?: unknown) =>
  expectedBut("UNSUPPORTED", "a chat template that renders a conversation", file, received, { mend: MEND, cause });

/** Whether a text was taken as text, and not written as a list in Python's manner. */
const holds = (rendered: string | null): boolean =>
  rendered?.includes(PROBE) === true && !/["']type["']\s*:|\[object Object\]/.test(rendered);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
