import { expectedBut } from "../../sdk/kit.ts";

/** What a checkpoint's folder needs besides its weights, where a repository has it. */
const BESIDE = [
  "config.json",
  "generation_config.json",
  "preprocessor_config.json",
  "processor_config.json",
  "video_preprocessor_config.json",
  "tokenizer.json",
  "tokenizer.model",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "chat_template.json",
  "chat_template.jinja",
  "README.md",
  "LICENSE",
  "LICENSE.txt",
  "LICENSE.md",
];
/** Weights as transformers looks for them, in its order. */
const FORMATS = [
  { single: "model.safetensors", shard: /^model-(\d{5})-of-(\d{5})\.safetensors$/ },
  { single: "pytorch_model.bin", shard: /^pytorch_model-(\d{5})-of-(\d{5})\.bin$/ },
];
const indexOf = (single: string): string => `${single}.index.json`;

const formatOf = (paths: readonly string[]) =>
  FORMATS.find(({ single }) => paths.includes(single) || paths.includes(indexOf(single)));

/** Whether a repository holds a checkpoint of transformers. */
export const hasCheckpoint = (paths: readonly string[]): boolean =>
  paths.includes("config.json") && formatOf(paths) !== undefined;

/** Whether a file of a checkpoint holds weights. */
export const isWeights = (path: string): boolean => /\.(safetensors|bin)$/.test(path);

/**
 * The files of a checkpoint that this package and convert-llm read, among all of its repository: config, weights in
 * safetensors or else of torch.save, tokenizer, processor, templates, card and licence. Weights in other formats are left
 * out.
 * @throws INVALID_ARGUMENT for shards of which one is missing
 */
export function chooseCheckpoint(paths: readonly string[], repo: string): readonly string[] {
  const beside = BESIDE.filter((name) => paths.includes(name));
  const format = formatOf(paths);
  if (format === undefined) throw expectedBut("INVALID_ARGUMENT", "a checkpoint", repo, "none");
  const { single, shard } = format;
  if (paths.includes(single)) return [...beside, single];
  const shards = paths.filter((path) => shard.test(path)).sort();
  const parts = Number(shard.exec(shards[0] ?? "")?.[2] ?? 0);
  if (parts === 0 || shards.length !== parts) {
    throw expectedBut("INVALID_ARGUMENT", `${parts || "some"} shards, as their names say,`, repo, `${shards.length}`);
  }
  return [...beside, indexOf(single), ...shards];
}
