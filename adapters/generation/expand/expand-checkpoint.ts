import { constants, copyFile, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  expected,
  expectedBut,
  isObject,
  onDisk,
  openTensors,
  readJsonObject,
  type StoredTensor,
  temporaryBeside,
  writeWhole,
} from "../../../sdk/kit.ts";
import type { VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import { type ExpandOptions, expandedVocabulary } from "./expand-options.ts";
import { EXPANDABLE, isExpandable, type TokenTensor, writeShard } from "./expand-shard.ts";
import { configWithTokens, tokenizerConfigWithTokens, tokenizerWithTokens, tokensOf } from "./hf-tokens.ts";

/** The ends of the names of the tensors with a row for each token, in the families of transformers. */
const EMBEDDINGS = ["embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight"];
const OUTPUTS = ["lm_head.weight", "embed_out.weight"];
const INDEX = "model.safetensors.index.json";
type Json = Record<string, unknown>;

/** A Hugging Face checkpoint of a language model with visual tokens; see `expandVocabulary`. */
export async function expandCheckpoint(
  source: string,
  target: string,
  options: ExpandOptions,
): Promise<VisualVocabulary> {
  await requireNothingAt(target);
  const read = (name: string) => readJsonObject(join(source, name), "INVALID_CONFIG");
  const [config, tokenizer] = [await read("config.json"), await read("tokenizer.json")];
  const tensors = await openTensors(source);
  const { rows, expandable } = tokenTensors(tensors, source);
  const tokens = tokensOf(tokenizer, join(source, "tokenizer.json"));
  if (tokens > rows) {
    throw expected("INVALID_CHECKPOINT", `at most ${rows} tokens, the rows of the embeddings,`, source, tokens);
  }
  // As transformers numbers added tokens: after the last one, over rows that were there to round up their number.
  const vocabulary = expandedVocabulary(tokens, options);
  const size = Math.max(rows, tokens + 2 + vocabulary.codebookSize);

  await inNewFolder(target, async (folder) => {
    const shards = shardsOf(tensors.values());
    const nameOf = await shardNames(source, shards.size);
    for (const [shard, own] of shards) {
      const name = nameOf(shard, own);
      if (own.some((tensor) => expandable.has(tensor))) {
        await writeShard(join(folder, name), own, expandable, {
          tokens,
          size,
          codebookSize: vocabulary.codebookSize,
          rows: options.rows ?? "mean",
        });
      } else await copy(shard, join(folder, name));
    }
    const written: Record<string, Json> = {
      "config.json": configWithTokens(config, rows, size, vocabulary),
      "tokenizer.json": tokenizerWithTokens(tokenizer, vocabulary, source),
    };
    for (const name of await readdir(source)) {
      if (name in written || name.endsWith(".safetensors") || !(await stat(join(source, name))).isFile()) continue;
      if (name === "tokenizer_config.json") written[name] = tokenizerConfigWithTokens(await read(name), vocabulary);
      else if (name === INDEX) written[name] = indexWith(await read(name), growthOf(expandable.keys(), size));
      else await copy(join(source, name), join(folder, name));
    }
    for (const [name, value] of Object.entries(written)) {
      await writeWhole(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
    }
  });
  return vocabulary;
}

/** The embeddings and the output layer, where it has weights of its own, and how many rows they have. */
function tokenTensors(tensors: ReadonlyMap<string, StoredTensor>, folder: string) {
  const ending = (ends: readonly string[]) =>
    [...tensors.values()].filter(({ name }) => ends.some((end) => name === end || name.endsWith(`.${end}`)));
  const [embeddings, ...others] = ending(EMBEDDINGS);
  if (embeddings === undefined || others.length > 0) {
    const received = embeddings === undefined ? "none" : others.map(({ name }) => name).join(", ");
    throw expectedBut("UNSUPPORTED", `one tensor that ends in ${EMBEDDINGS.join(", ")}`, folder, received);
  }
  const [rows = 0] = embeddings.shape;
  const expandable = new Map<StoredTensor, TokenTensor>();
  for (const tensor of [embeddings, ...ending(OUTPUTS)]) {
    const { name, dtype, shape, file } = tensor;
    if (!isExpandable(dtype)) {
      throw expectedBut("UNSUPPORTED", `one of ${EXPANDABLE.join(", ")}`, `tensor ${name} of ${file}`, dtype);
    }
    if (shape.length !== 2 || shape[0] !== rows) {
      throw expected("INVALID_CHECKPOINT", `${rows} rows`, `tensor ${name} of ${file}`, shape);
    }
    expandable.set(tensor, { kind: tensor === embeddings ? "embeddings" : "output", type: dtype });
  }
  return { rows, expandable };
}

/** Tensors by the file that they are in. */
function shardsOf(tensors: Iterable<StoredTensor>): Map<string, StoredTensor[]> {
  const shards = new Map<string, StoredTensor[]>();
  for (const tensor of tensors) shards.set(tensor.file, [...(shards.get(tensor.file) ?? []), tensor]);
  return shards;
}

/** A shard's name in the folder: a link to a blob of the hub's cache has another name than its target. */
async function shardNames(source: string, count: number) {
  if (count === 1 && !(await isThere(join(source, INDEX)))) return () => "model.safetensors";
  const { weight_map: weights } = await readJsonObject(join(source, INDEX), "INVALID_CHECKPOINT");
  return (file: string, tensors: readonly StoredTensor[]): string => {
    const names = isObject(weights) ? tensors.map(({ name }) => weights[name]) : [];
    return names.find((name) => typeof name === "string") ?? basename(file);
  };
}

function indexWith(index: Json, growth: { readonly bytes: number; readonly numbers: number }): Json {
  const metadata = Object.entries(isObject(index.metadata) ? index.metadata : {}).map(([key, value]) => {
    if (typeof value !== "number") return [key, value];
    const more = { total_size: growth.bytes, total_parameters: growth.numbers }[key] ?? 0;
    return [key, value + more];
  });
  return { ...index, metadata: Object.fromEntries(metadata) };
}

/** What the tensors with a row for each token become larger by. */
function growthOf(tensors: Iterable<StoredTensor>, size: number) {
  let [bytes, numbers] = [0, 0];
  for (const { shape, length } of tensors) {
    const [rows = 1, width = 1] = shape;
    bytes += (length / rows) * (size - rows);
    numbers += width * (size - rows);
  }
  return { bytes, numbers };
}

async function requireNothingAt(target: string): Promise<void> {
  if (!(await isThere(target))) return;
  const mend = "Remove it, or choose another folder.";
  throw expected("ALREADY_EXISTS", "a folder that is not there yet", "the output folder", target, {
    mend,
    path: target,
  });
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

const copy = (from: string, to: string): Promise<void> =>
  onDisk(to, () => copyFile(from, to, constants.COPYFILE_FICLONE));

/** Fills a folder beside `target`, which becomes `target` when it is whole; where `fill` throws, nothing is left. */
async function inNewFolder(target: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const path = resolve(target);
  await onDisk(path, () => mkdir(dirname(path), { recursive: true }));
  const folder = await temporaryBeside(path);
  try {
    await onDisk(path, () => mkdir(folder));
    await fill(folder);
    await onDisk(path, () => rename(folder, path));
  } catch (error) {
    await rm(folder, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}
