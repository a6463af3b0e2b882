import {
  type GgufFile,
  type GgufTensorToWrite,
  type GgufValue,
  readGguf,
  readGgufTensorBytes,
  writeGguf,
} from "../../../adapters/gguf/index.ts";

export interface Seed {
  readonly gguf: GgufFile;
  readonly tensors: readonly GgufTensorToWrite[];
}

export async function readSeed(path: string): Promise<Seed> {
  const gguf = await readGguf(path);
  const tensors = [];
  for (const { name, type, shape } of gguf.tensors.values()) {
    tensors.push({ name, type, shape, data: await readGgufTensorBytes(gguf, name) });
  }
  return { gguf, tensors };
}

type Random = () => number;
const pick = <T>(list: readonly T[], random: Random): T | undefined => list[Math.floor(random() * list.length)];
const NUMBERS = [0, 1, 2, 3, 5, 7, 64, 255, 256, 511, 513, 1025, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const FLOATS = [0, -1, 1e38, Number.NaN, Number.POSITIVE_INFINITY, -0.0, 1e-45];
const TEXTS = [
  "",
  "none",
  "a",
  "llama",
  "gpt2",
  "bert",
  "t5",
  "rwkv",
  "mamba",
  "qwen2vl",
  "gemma3",
  "yarn",
  "\u0000",
  "{% for",
  "x".repeat(5000),
];
/** Keys that no tiny model has, below its architecture. */
const EXTRA = [
  "expert_count",
  "expert_used_count",
  "expert_group_count",
  "nextn_predict_layers",
  "rope.scaling.type",
  "rope.scaling.factor",
  "attention.sliding_window",
  "attention.key_length",
  "attention.value_length",
  "n_deepstack_layers",
  "vocab_size",
  "pooling_type",
  "attention.causal",
  "embedding_length_out",
  "attention.head_count_kv",
  "rope.freq_base",
  "rope.dimension_sections",
];

/** Keys of the file itself, that no tiny model has. */
const EXTRA_OF_FILE = [
  "split.count",
  "split.no",
  "general.alignment",
  "general.file_type",
  "general.quantization_version",
];

function changed(value: GgufValue, random: Random): GgufValue {
  switch (value.type) {
    case "uint32":
    case "int32":
      return { type: "uint32", value: pick(NUMBERS, random) ?? 0 };
    case "float32":
      return { type: "float32", value: pick(FLOATS, random) ?? 0 };
    case "bool":
      return { type: "bool", value: !value.value };
    case "string":
      return { type: "string", value: pick(TEXTS, random) ?? "" };
    case "array": {
      const list: unknown[] = [...value.value];
      const at = Math.floor(random() * list.length);
      const kind = Math.floor(random() * 5);
      if (kind === 0) list.splice(at, 1 + Math.floor(random() * 3));
      else if (kind === 1) list.push(list[at]);
      else if (kind === 2) list[at] = list[Math.floor(random() * list.length)];
      else if (value.of === "string")
        list[at] = pick(["", " ", "<0x4", "<s>", "▁▁", "\u{10ffff}", "a".repeat(3000)], random);
      else list[at] = pick(value.of === "float32" ? FLOATS : [0, 1, 6, 7, -1, 2 ** 31 - 1], random);
      if (kind === 4) list.length = Math.floor(random() * 3);
      return { type: "array", of: value.of, value: list } as GgufValue;
    }
    default:
      return value;
  }
}

/** Writes a model with one to three things changed, and says which; null where nothing can be written so. */
export async function mutant({ gguf, tensors }: Seed, path: string, random: Random): Promise<string | null> {
  const metadata = new Map(gguf.metadata);
  let list = [...tensors];
  const said: string[] = [];
  const architecture = String(gguf.metadata.get("general.architecture")?.value);
  for (let left = 1 + Math.floor(random() * 2); left > 0; left--) {
    const kind = random();
    if (kind < 0.62) {
      const key = pick([...metadata.keys()], random) ?? "";
      const old = metadata.get(key);
      if (old === undefined) continue;
      const value = changed(old, random);
      metadata.set(key, value);
      said.push(`${key} = ${String(value.value).slice(0, 60)}`);
    } else if (kind < 0.72) {
      const key = pick([...metadata.keys()], random) ?? "";
      metadata.delete(key);
      said.push(`without ${key}`);
    } else if (kind < 0.82) {
      const key = random() < 0.8 ? `${architecture}.${pick(EXTRA, random)}` : (pick(EXTRA_OF_FILE, random) ?? "");
      const value = changed({ type: random() < 0.8 ? "uint32" : "string", value: 0 } as GgufValue, random);
      metadata.set(key, value);
      said.push(`${key} := ${String(value.value).slice(0, 60)}`);
    } else {
      const one = pick(list, random);
      if (one === undefined) continue;
      const how = Math.floor(random() * 5);
      const at = list.indexOf(one);
      if (how === 0) list = list.filter((other) => other !== one);
      else if (how === 1) list[at] = { ...one, shape: one.shape.toReversed() };
      else if (how === 2 && one.type === "F32") {
        const halved = one.shape.with(-1, (one.shape.at(-1) ?? 0) / 2);
        list[at] = { ...one, type: pick(["I32", "F64", "F16", "I64"] as const, random) ?? "I32", shape: halved };
        const bytes = halved.reduce((product, size) => product * size, 1);
        list[at] = {
          ...list[at],
          data: new Uint8Array(bytes * ({ I32: 4, F64: 8, F16: 2, I64: 8 }[list[at].type as "I32"] ?? 4)),
        };
      } else if (how === 3 && one.data instanceof Uint8Array) {
        list[at] = { ...one, data: one.data.map(() => Math.floor(random() * 256)) };
      } else if (one.type === "F32") {
        const count = one.shape.reduce((product, size) => product * size, 1);
        const type = pick(["F16", "I32", "F64", "BF16"] as const, random) ?? "F16";
        const bytes = { F16: 2, BF16: 2, I32: 4, F64: 8 }[type];
        list[at] = { ...one, type, data: new Uint8Array(count * bytes) };
      }
      said.push(`tensor ${one.name}: ${["left out", "turned", "halved", "noise", "type"][how]} ${list[at]?.type}`);
    }
  }
  try {
    await writeGguf(path, metadata, list);
  } catch {
    return null;
  }
  return said.join("; ");
}
