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
const SINGLE = "model.safetensors";
const INDEX = `${SINGLE}.index.json`;
const SHARD = /^model-(\d{5})-of-(\d{5})\.safetensors$/;

/** Whether a repository holds a checkpoint of transformers. */
export const hasCheckpoint = (paths: readonly string[]): boolean =>
  paths.includes("config.json") && (paths.includes(SINGLE) || paths.includes(INDEX));

/**
 * The files of a checkpoint that this package and convert-llm read, among all of its repository: config, weights in
 * safetensors, tokenizer, processor, templates, card and licence. Weights in other formats are left out.
 * @throws INVALID_ARGUMENT for shards of which one is missing
 */
export function chooseCheckpoint(paths: readonly string[], repo: string): readonly string[] {
  const beside = BESIDE.filter((name) => paths.includes(name));
  if (paths.includes(SINGLE)) return [...beside, SINGLE];
  const shards = paths.filter((path) => SHARD.test(path)).sort();
  const parts = Number(SHARD.exec(shards[0] ?? "")?.[2] ?? 0);
  if (parts === 0 || shards.length !== parts) {
    throw expectedBut("INVALID_ARGUMENT", `${parts || "some"} shards, as their names say,`, repo, `${shards.length}`);
  }
  return [...beside, INDEX, ...shards];
}
