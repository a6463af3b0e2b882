import { expectedBut } from "../../../sdk/kit.ts";
import type { VlmMessage, VlmTool, VlmToolCall } from "../../vision-language-model.ts";
import { type ThoughtTags, thoughtTagsOf } from "../thoughts.ts";
import { GUARD, guarded, type Vocabulary, wordPattern } from "../vocabulary.ts";
import type { RenderAnswer, RenderJob } from "./render-template.ts";
import { renderer, renderNow } from "./renderer.ts";
import { callIdOf, findToolForm, type ToolForm, toolCallOf, toolOf } from "./tool-form.ts";

/** A template and where it was found, for messages. */
export interface TemplateText {
  readonly text: string;
  readonly file: string;
  /** What the checkpoint's processor writes before what the template does. */
  readonly opening?: string;
}

type Role = VlmMessage["role"];

/** One message of a conversation: texts, and null for each image. */
export interface TemplateMessage {
  readonly role: Role;
  readonly parts: readonly (string | null)[];
  readonly toolCalls?: readonly VlmToolCall[];
  /** Of the first message: what the conversation may call. */
  readonly tools?: readonly VlmTool[];
  /** Of the first message: variables for this conversation, beside those that the template was opened with. */
  readonly kwargs?: ChatTemplateKwargs;
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
  "<im_patch>",
  "<|IMG_PATCH|>",
  "<|patch|>",
  "<|kimi_image_placeholder|>",
  "]<]image[>[",
];

/** Variables of a chat template, such as `{ enable_thinking: false }`; transformers' keyword arguments. */
export type ChatTemplateKwargs = Readonly<Record<string, unknown>>;

export interface ChatTemplateOptions {
  /** What the checkpoint says that its templates write for an image. */
  readonly places?: readonly string[];
  readonly kwargs?: ChatTemplateKwargs | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a template is found to take and to write. */
interface Found {
  /** Roles whose content is a list of typed parts; the others take text. */
  readonly typed: ReadonlySet<Role>;
  /** null where the template writes nothing for an image: then the image's place is part of the text. */
  readonly place: string | null;
  readonly endOfTurn: string | null;
  readonly toolForm: ToolForm | null;
}

/** What templates are given, and functions that they call. */
const GIVEN =
  "messages tools documents add_generation_prompt bos_token eos_token raise_exception strftime_now namespace range loop".split(
    " ",
  );

/** Renderings that a call may ask for again at once. */
const KEPT = 32;

/**
 * A model's own chat template. It is rendered in a process of its own, with limits of time and memory. What it takes, texts or
 * typed parts, for which roles, and what it writes for an image, is found by rendering it, as llama.cpp does
 * (common/jinja/caps.cpp).
 */
export class ChatTemplate {
  readonly file: string;
  readonly source: string;
  /** What ends an answer: the special word, or else the text, that the template writes behind one. */
  readonly endOfTurn: string | null;
  /** What the model writes around its thoughts; null for one that does not think. */
  readonly thoughts: ThoughtTags | null;
  /** What the template writes for an image; null where it writes nothing. */
  readonly imagePlace: string | null;
  /** How the model calls a tool; null for a template that has none, or another form than an object of JSON. */
  readonly toolForm: ToolForm | null;
  readonly #opening: string;
  readonly #kwargs: ChatTemplateKwargs;
  readonly #vocabulary: Vocabulary;
  /** Words that mean something to the model or its template. */
  readonly #words: RegExp | null;
  readonly #typed: ReadonlySet<Role>;
  readonly #kept = new Map<string, RenderAnswer>();

  private constructor(
    { text, file, opening = "" }: TemplateText,
    vocabulary: Vocabulary,
    kwargs: ChatTemplateKwargs,
    words: readonly string[],
    found: Found,
  ) {
    this.file = file;
    this.source = text;
    this.#opening = opening;
    this.thoughts = thoughtTagsOf(text);
    this.#kwargs = kwargs;
    this.endOfTurn = found.endOfTurn;
    this.toolForm = found.toolForm;
    this.#vocabulary = vocabulary;
    this.#words = wordPattern(words);
    this.#typed = found.typed;
    this.imagePlace = found.place;
  }

  /**
   * @throws UNSUPPORTED for a template that cannot be rendered, takes more than 2 seconds or 128 MB, or writes no user's text; the
   *   signal's reason
   */
  static async open(
    template: TemplateText,
    vocabulary: Vocabulary,
    { places = [], kwargs = {}, signal }: ChatTemplateOptions = {},
  ): Promise<ChatTemplate> {
    const known = [...places, ...KNOWN_PLACES];
    const words = [...new Set([...vocabulary.special.keys(), ...known])];
    const found = await probe(template, vocabulary, kwargs, known, signal);
    return new ChatTemplate(template, vocabulary, kwargs, words, found);
  }

  /**
   * The conversation as the template writes it, up to where the model's answer begins.
   * @throws INVALID_ARGUMENT where the template refuses the conversation; UNSUPPORTED where it leaves out an image, or takes more
   *   than 2 seconds or 128 MB; the signal's reason
   */
  async render(messages: readonly TemplateMessage[], signal?: AbortSignal): Promise<RenderedPrompt> {
    const job = this.#job(messages);
    const key = JSON.stringify(job.context);
    const answer = this.#kept.get(key) ?? (await renderer.render(job, this.file, signal));
    this.#keep(key, answer);
    return this.#prompt(messages, answer);
  }

  /** The same at once: what was rendered lately is not rendered again, anything else blocks for some 100 ms. */
  renderNow(messages: readonly TemplateMessage[]): RenderedPrompt {
    const job = this.#job(messages);
    const key = JSON.stringify(job.context);
    const answer = this.#kept.get(key) ?? renderNow(job, this.file);
    this.#keep(key, answer);
    return this.#prompt(messages, answer);
  }

  /** Whether a conversation's `kwargs` may have it: the template has such a word, and no value of its own for it. */
  takesVariable(name: string): boolean {
    return /^[a-z][a-z_]{2,40}$/.test(name) && !GIVEN.includes(name) && new RegExp(`\\b${name}\\b`).test(this.source);
  }

  #keep(key: string, answer: RenderAnswer): void {
    this.#kept.delete(key);
    this.#kept.set(key, answer);
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(old);
    }
  }

  #job(messages: readonly TemplateMessage[]): RenderJob {
    if (this.toolForm === null && messages.some(isOfTools)) {
      const mend = "Leave tools and their messages out, or give a template that has them as the option chatTemplate.";
      throw expectedBut("UNSUPPORTED", "a conversation without tools", this.file, "tools", mend);
    }
    // What tools gave stands in the order of their calls.
    const [calls, results] = [{ count: 0 }, { count: 0 }];
    const nextId = (of: { count: number }) => (this.toolForm?.hasId ? callIdOf(of.count++) : undefined);
    const turns = messages.map(({ role, parts, toolCalls = [] }) => {
      const typed = this.#typed.has(role);
      const message = messageOf(role, this.#guarded(parts), typed, this.imagePlace !== null);
      const id = role === "tool" ? nextId(results) : undefined;
      const called = toolCalls.map((call) => toolCallOf(this.#guardedTexts(call), nextId(calls)));
      return {
        ...message,
        ...(id !== undefined && { tool_call_id: id }),
        ...(called.length > 0 && { tool_calls: called }),
      };
    });
    const tools = (messages[0]?.tools ?? []).map((tool) => toolOf(this.#guardedTexts(tool)));
    const own = this.#guardedTexts(messages[0]?.kwargs ?? {});
    const kwargs = { ...this.#kwargs, ...own, ...(tools.length > 0 && { tools }) };
    return jobOf(this.source, turns, this.#vocabulary, kwargs, true);
  }

  #prompt(messages: readonly TemplateMessage[], answer: RenderAnswer): RenderedPrompt {
    if ("error" in answer) {
      const received = `one that it refuses (${answer.error})`;
      throw expectedBut("INVALID_ARGUMENT", "a conversation that its template takes", this.file, received);
    }
    const text = this.#opening + answer.text;
    const imagePlace = this.imagePlace ?? MARK;
    const written = text.split(imagePlace).length - 1;
    const given = messages.flatMap(({ parts }) => parts).filter((part) => part === null).length;
    if (written === given) return { text, imagePlace, byTemplate: this.imagePlace !== null };
    const what = `a place for each of ${given} images`;
    throw expectedBut("UNSUPPORTED", what, `the chat template ${this.file}`, `${written} places`, MEND);
  }

  /** The template's own words in `text` no longer mean anything. */
  guard(text: string): string {
    return guarded(text.replaceAll(MARK, "\uFFFD"), this.#words);
  }

  /** The same value, each text and name in it guarded. */
  #guardedTexts<T>(value: T): T {
    const guarded = (one: unknown): unknown => {
      if (typeof one === "string") return this.guard(one);
      if (Array.isArray(one)) return one.map(guarded);
      if (typeof one !== "object" || one === null) return one;
      return Object.fromEntries(Object.entries(one).map(([name, inner]) => [this.guard(name), guarded(inner)]));
    };
    return guarded(value) as T;
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
}

const isOfTools = ({ role, toolCalls, tools }: TemplateMessage): boolean =>
  role === "tool" || toolCalls !== undefined || tools !== undefined;

function messageOf(role: Role, parts: readonly (string | null)[], typed: boolean, writesImages: boolean): object {
  if (!typed) return { role, content: parts.map((part) => part ?? MARK).join("") };
  const content = parts.map((part) => {
    if (part !== null) return { type: "text", text: part };
    return writesImages ? { type: "image" } : { type: "text", text: MARK };
  });
  return { role, content };
}

const jobOf = (
  source: string,
  messages: readonly object[],
  { bosText, eosText }: Vocabulary,
  kwargs: ChatTemplateKwargs,
  generate: boolean,
): RenderJob => ({
  source,
  context: {
    // As transformers' apply_chat_template does (5.18): they are defined, and nothing.
    tools: null,
    documents: null,
    ...kwargs,
    messages,
    add_generation_prompt: generate,
    bos_token: bosText,
    eos_token: eosText,
  },
});

/** Finds out what a template takes and writes. @throws as `ChatTemplate.open` */
async function probe(
  { text: source, file }: TemplateText,
  vocabulary: Vocabulary,
  kwargs: ChatTemplateKwargs,
  known: readonly string[],
  signal?: AbortSignal,
): Promise<Found> {
  const answer = (messages: readonly object[], generate = true, tools?: readonly object[]) =>
    renderer.render(jobOf(source, messages, vocabulary, tools ? { ...kwargs, tools } : kwargs, generate), file, signal);
  /** null for what the template does not take. */
  const rendered = async (messages: readonly object[], generate = true): Promise<string | null> => {
    const rendering = await answer(messages, generate);
    return "text" in rendering ? rendering.text : null;
  };
  const message = (role: Role, text: string, typed: boolean) => messageOf(role, [text], typed, false);

  const typed = new Set<Role>();
  if (holds(await rendered([message("user", PROBE, true)]))) typed.add("user");
  else {
    const plain = await answer([message("user", PROBE, false)]);
    if ("error" in plain && !plain.parsed) throw unusable(file, `one that does not parse (${plain.error})`);
    if ("error" in plain || !holds(plain.text)) {
      const reason = "error" in plain ? ` (${plain.error})` : "";
      throw unusable(file, `one that writes no text of a user${reason}`);
    }
  }
  const isTyped = typed.has("user");
  const question = message("user", "a", isTyped);
  const others = { system: (own: object) => [own, question], assistant: (own: object) => [question, own, question] };
  for (const role of ["system", "assistant"] as const) {
    const takes = async (own: boolean) => holds(await rendered(others[role](message(role, PROBE, own))));
    if ((await takes(isTyped)) ? isTyped : !isTyped && (await takes(true))) typed.add(role);
  }
  const turns = [question, message("assistant", PROBE, typed.has("assistant"))];
  const behind = (await rendered(turns, false))?.split(PROBE).at(-1)?.trim() ?? "";
  const place = isTyped ? await findPlace(rendered, known, file) : null;
  const endOfTurn = endOf(behind, vocabulary);
  return { typed, place, endOfTurn, toolForm: await findToolForm(source, answer, question, endOfTurn) };
}

function endOf(behind: string, { special }: Vocabulary): string | null {
  const words = [...special.keys()].filter((word) => behind.startsWith(word));
  const [word = behind] = words.sort((a, b) => b.length - a.length);
  return word === "" ? null : word;
}

async function findPlace(
  rendered: (messages: readonly object[]) => Promise<string | null>,
  known: readonly string[],
  file: string,
): Promise<string | null> {
  const text = { type: "text", text: PROBE };
  const seen = await rendered([{ role: "user", content: [{ type: "image" }, text] }]);
  const blind = await rendered([{ role: "user", content: [text] }]);
  const place = known.find((word) => seen?.split(word).length === 2 && !blind?.includes(word));
  if (place !== undefined) return place;
  if (seen === null || seen === blind) return null;
  throw unusable(file, "one that writes something for an image that is not known");
}

const MEND = "Give another one as the option chatTemplate.";

const unusable = (file: string, received: string) =>
  expectedBut("UNSUPPORTED", "a chat template that renders a conversation", file, received, { mend: MEND });

/** Whether a text was taken as text, and not written as a list in Python's manner. */
const holds = (rendered: string | null): boolean =>
  rendered?.includes(PROBE) === true && !/["']type["']\s*:|\[object Object\]/.test(rendered);
