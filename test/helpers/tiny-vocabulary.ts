import { type GgufValue, ggufValue } from "../../adapters/gguf/index.ts";

/** A small vocabulary and the metadata through which llama.cpp loads it. */
export interface TinyVocabulary {
  readonly tokens: readonly string[];
  readonly metadata: readonly (readonly [string, GgufValue])[];
}

/** llama.cpp's token types (`llama_token_type`). */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;

const CHATML =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const SPECIAL = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"];

const of = (count: number, value: number) => Array.from({ length: count }, () => value);

function metadataOf(tokens: readonly string[], fields: Record<string, GgufValue>): TinyVocabulary {
  const end = tokens.indexOf("<|im_end|>");
  const all: Record<string, GgufValue> = {
    ...fields,
    tokens: ggufValue.strings(tokens),
    eos_token_id: ggufValue.uint32(end),
    padding_token_id: ggufValue.uint32(end),
  };
  return {
    tokens,
    metadata: [
      ...Object.entries(all).map(([key, value]) => [`tokenizer.ggml.${key}`, value] as const),
      ["tokenizer.chat_template", ggufValue.string(CHATML)],
    ],
  };
}

/** SentencePiece with byte fallback: bytes, a space and small letters. */
export function sentencePieceVocabulary(): TinyVocabulary {
  const start = ["<unk>", "<s>", "</s>"];
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  const letters = ["▁", ..."abcdefghijklmnopqrstuvwxyz"];
  return metadataOf([...start, ...bytes, ...letters, ...SPECIAL], {
    model: ggufValue.string("llama"),
    scores: ggufValue.float32s([...of(3 + 256, 0), ...letters.map((_, i) => -1 - i), ...of(SPECIAL.length, 0)]),
    token_type: ggufValue.int32s([
      ...[UNKNOWN, CONTROL, CONTROL],
      ...of(256, BYTE),
      ...of(letters.length, NORMAL),
      ...of(SPECIAL.length, CONTROL),
    ]),
    bos_token_id: ggufValue.uint32(1),
    unknown_token_id: ggufValue.uint32(0),
    add_bos_token: ggufValue.bool(true),
    add_space_prefix: ggufValue.bool(false),
  });
}

/** GPT-2's byte-level BPE with Qwen's pre-tokenizer: the 256 bytes and the merges of one word. */
export function byteLevelVocabulary(): TinyVocabulary {
  const merges = ["h e", "l l", "he ll", "hell o"];
  const merged = merges.map((merge) => merge.replace(" ", ""));
  const tokens = [...byteLetters(), ...merged, "<|endoftext|>", ...SPECIAL];
  return metadataOf(tokens, {
    model: ggufValue.string("gpt2"),
    pre: ggufValue.string("qwen2"),
    token_type: ggufValue.int32s([...of(256 + merges.length, NORMAL), ...of(1 + SPECIAL.length, CONTROL)]),
    merges: ggufValue.strings(merges),
    bos_token_id: ggufValue.uint32(256 + merges.length),
    add_bos_token: ggufValue.bool(false),
  });
}

/** GPT-2's letter for each byte: printable ones stand for themselves, the others for 256 and up. */
function byteLetters(): string[] {
  let next = 256;
  const letterOf = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174 ? byte : next++;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(letterOf(byte)));
}
