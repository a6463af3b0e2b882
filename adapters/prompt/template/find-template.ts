import { join, resolve } from "node:path";
import { expectedBut, isFile, isObject, readJsonObject, readRegularFile } from "../../../sdk/kit.ts";
import type { GgufHeader } from "../../gguf/index.ts";
import type { TemplateText } from "./chat-template.ts";

/** LLaVA 1.5's template, as its checkpoints in transformers' form have it: Vicuna's roles, images first. */
const VICUNA = `{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}{{ part['text'] + ' ' }}{% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}`;

/** What Janus' processor writes before what the template does, where its file asks for it (transformers/models/janus/processing_janus.py). */
const JANUS_SYSTEM =
  "You are a helpful language and vision assistant. You are able to understand the visual content that the user provides, " +
  "and assist the user with a variety of tasks using natural language.\n\n";

type Json = Readonly<Record<string, unknown>>;

/** Where a chat template may be. */
export interface TemplatePlaces {
  /** A template, or a file that holds one. */
  readonly chatTemplate?: string | undefined;
  /** A checkpoint's folder. */
  readonly folder?: string | undefined;
  /** The language model's GGUF file. */
  readonly gguf?: (Pick<GgufHeader, "metadata"> & { readonly file: string }) | undefined;
}

/**
 * The chat template of a model: the one that was given, the checkpoint's, the GGUF file's. A LLaVA without one has
 * Vicuna's.
 * @throws INVALID_ARGUMENT where there is none; UNSUPPORTED where all are for tools; CHECKPOINT_NOT_FOUND
 */
export async function findTemplate(places: TemplatePlaces): Promise<TemplateText> {
  const found = await withoutOpening(places);
  const opening = places.folder === undefined ? "" : await openingOf(places.folder);
  return opening === "" ? found : { ...found, opening };
}

async function openingOf(folder: string): Promise<string> {
  const file = join(folder, "processor_config.json");
  if (!(await isFile(file))) return "";
  const { processor_class: name, use_default_system_prompt: asked } = await readJsonObject(file, "INVALID_CONFIG");
  return name === "JanusProcessor" && asked === true ? JANUS_SYSTEM : "";
}

async function withoutOpening({ chatTemplate, folder, gguf }: TemplatePlaces): Promise<TemplateText> {
  if (chatTemplate !== undefined) return givenTemplate(chatTemplate);
  const own = folder === undefined ? null : await folderTemplate(folder);
  if (own !== null) return own;
  const text = gguf?.metadata.get("tokenizer.chat_template")?.value;
  if (gguf !== undefined && typeof text === "string" && text !== "") return { text, file: gguf.file };
  if ((folder !== undefined && (await isLlavaFolder(folder))) || (gguf !== undefined && isLlavaGguf(gguf))) {
    return { text: VICUNA, file: "Vicuna's template of LLaVA" };
  }
  const named = [...(gguf?.metadata.keys() ?? [])].flatMap((key) => key.split("tokenizer.chat_template.")[1] ?? []);
  if (gguf !== undefined && named.length > 0) throw noneForConversations(named, gguf.file);
  const place = [folder, gguf?.file].filter((one) => one !== undefined).join(" and ");
  const mend = "Give the model's own as the option chatTemplate: its text, or a file such as chat_template.jinja.";
  throw expectedBut("INVALID_ARGUMENT", "a chat template", place, "none", mend);
}

const readText = async (file: string): Promise<string> => (await readRegularFile(file)).toString("utf8");

async function givenTemplate(chatTemplate: string): Promise<TemplateText> {
  if (chatTemplate.includes("{")) return { text: chatTemplate, file: "the option chatTemplate" };
  const file = resolve(chatTemplate);
  if (!(await isFile(file))) {
    throw expectedBut("CHECKPOINT_NOT_FOUND", "a chat template's file", file, "nothing there", { path: file });
  }
  if (!file.endsWith(".json")) return { text: await readText(file), file };
  const found = templateIn(await readJsonObject(file, "INVALID_CONFIG"), file);
  if (found !== null) return found;
  throw expectedBut("INVALID_ARGUMENT", "the field chat_template", file, "none", { path: file });
}

/** In the order in which transformers' processors look (`ProcessorMixin.get_processor_dict`, 5.18). */
async function folderTemplate(folder: string): Promise<TemplateText | null> {
  const jinja = join(folder, "chat_template.jinja");
  if (await isFile(jinja)) return { text: await readText(jinja), file: jinja };
  for (const name of ["chat_template.json", "processor_config.json", "tokenizer_config.json"]) {
    const file = join(folder, name);
    const found = (await isFile(file)) ? templateIn(await readJsonObject(file, "INVALID_CONFIG"), file) : null;
    if (found !== null) return found;
  }
  return null;
}

function templateIn({ chat_template: template }: Json, file: string): TemplateText | null {
  if (typeof template === "string" && template !== "") return { text: template, file };
  const named = Array.isArray(template)
    ? template.filter(isObject).map(({ name, template }) => [name, template] as const)
    : isObject(template)
      ? Object.entries(template)
      : [];
  if (named.length === 0) return null;
  const text = named.find(([name]) => name === "default")?.[1];
  if (typeof text === "string") return { text, file };
  throw noneForConversations(
    named.map(([name]) => name),
    file,
  );
}

const noneForConversations = (names: readonly unknown[], file: string) =>
  expectedBut("UNSUPPORTED", "a chat template for conversations", file, `those named ${names.join(", ")}`, {
    path: file,
    mend: "Give the model's own as the option chatTemplate.",
  });

async function isLlavaFolder(folder: string): Promise<boolean> {
  const file = join(folder, "config.json");
  if (!(await isFile(file))) return false;
  const { model_type: type, text_config: text } = await readJsonObject(file, "INVALID_CONFIG");
  // transformers leaves out what is a text_config's default: Llama.
  const llm = isObject(text) ? (text.model_type ?? "llama") : undefined;
  return type === "llava" && llm === "llama";
}

/** LLaVA's own converters wrote no template, but a name such as "llava-v1.5-7b" or "vicuna-7b-v1.5". */
function isLlavaGguf({ metadata, file }: NonNullable<TemplatePlaces["gguf"]>): boolean {
  const text = (key: string) => String(metadata.get(key)?.value ?? "");
  const name = `${text("general.name")} ${text("general.basename")} ${file.split(/[\\/]/).at(-1)}`;
  return text("general.architecture") === "llama" && /vicuna|llava.?(v?1\.5)/i.test(name);
}
