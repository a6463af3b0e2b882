import type { LlamaModel } from "node-llama-cpp";
import { expectedBut } from "../../../sdk/kit.ts";
import { type GgufValue, ggufValue } from "../../gguf/index.ts";
import {
  ChatTemplate,
  type ChatTemplateKwargs,
  findTemplate,
  PromptWriter,
  readHfVocabulary,
  type Vocabulary,
} from "../../prompt/index.ts";
import { ggufVocabulary } from "./gguf-vocabulary.ts";

/** Texts on which tokenizers differ: spaces, newlines, digits, scripts, quotes, code. */
const PROBES = [
  "Hello world",
  " two  spaces\n\nand\nlines\n\n\n",
  "It's 12345 o'clock, isn't it?",
  "日本語 привет 🎉 é",
  "\tif (a) { b(); }\r\n",
];

/** Where a model's prompts come from, besides its GGUF file. */
export interface PromptSource {
  /** The folder of the checkpoint that the GGUF file was made of, or of the projector. */
  readonly checkpoint?: string | undefined;
  /** A template, or a file that holds one. */
  readonly chatTemplate?: string | undefined;
  readonly chatTemplateKwargs?: ChatTemplateKwargs | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * How a loaded model's prompts are written: by its checkpoint's template and tokenizer where it has them, else by the
 * GGUF file's.
 * @throws as `findTemplate` and `ChatTemplate`; INCOMPATIBLE where checkpoint and GGUF file have different tokenizers
 */
export async function promptWriter(
  model: LlamaModel,
  llm: string,
  { checkpoint: folder, chatTemplate, chatTemplateKwargs: kwargs, signal }: PromptSource,
): Promise<PromptWriter> {
  const own = ggufVocabulary(model, llm);
  const checkpoint = folder === undefined ? null : await readHfVocabulary(folder);
  if (checkpoint !== null) requireSame(checkpoint, own);
  const text = await findTemplate({ chatTemplate, folder, gguf: { file: llm, metadata: templateKeys(model) } });
  const vocabulary = checkpoint ?? own;
  return new PromptWriter(await ChatTemplate.open(text, vocabulary, { kwargs, signal }), vocabulary);
}

/** What says which template a model has. Its header is read already, and to read a large vocabulary takes half a second. */
function templateKeys({ fileInfo }: LlamaModel): Map<string, GgufValue> {
  const { general, tokenizer } = fileInfo.metadata;
  // node-llama-cpp keeps "tokenizer.chat_template.tool_use" as one key.
  const named = Object.entries(tokenizer).filter(([key]) => key.startsWith("chat_template."));
  const found = {
    ...Object.fromEntries(named.map(([key, text]): [string, unknown] => [`tokenizer.${key}`, text])),
    "general.architecture": general.architecture,
    "general.name": general.name,
    "general.basename": general.basename,
    "tokenizer.chat_template": tokenizer.chat_template,
  };
  const texts = Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return new Map(texts.map(([key, text]) => [key, ggufValue.string(text)]));
}

function requireSame(checkpoint: Vocabulary, gguf: Vocabulary): void {
  const mend = "Convert the GGUF file again from this checkpoint, or give the checkpoint that it was made of.";
  const differ = (what: string, received: string) =>
    expectedBut(
      "INCOMPATIBLE",
      `the tokenizer of ${checkpoint.file}`,
      gguf.file,
      `another (${what}: ${received})`,
      mend,
    );
  for (const [word, id] of checkpoint.special) {
    const other = gguf.special.get(word);
    if (other !== undefined && other !== id) throw differ(word, `${other} for ${id}`);
  }
  for (const probe of PROBES) {
    const [ids, others] = [checkpoint.encode(probe, true), gguf.encode(probe, true)];
    if (ids.join() !== others.join()) throw differ(JSON.stringify(probe), `${others} for ${ids}`);
  }
}
