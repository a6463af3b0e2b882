import { basename, dirname, extname, join, resolve } from "node:path";
import * as z from "zod";
import { VQRAE } from "../../sdk/index.ts";
import { option, packageFile, parseOptions, setFields } from "../../sdk/kit.ts";
import { readGguf } from "../gguf/index.ts";
import { languageModelOf } from "../llama-cpp/index.ts";
import { ownWords } from "../own-words.ts";
import { TokenImageGenerator } from "./generator.ts";
import type { ImageGenerator, ImageGeneratorInfo } from "./image-generator.ts";
import type { GeneratorSource, GeneratorTokenizer, LoadGeneratorOptions } from "./load-options.ts";
import { openSource } from "./sources/open-source.ts";
import { readIdFormat } from "./vocabulary/id-format.ts";
import { requireIdDecoder, requireTokenizer } from "./vocabulary/require-tokenizer.ts";

const MAX_IMAGES = 128;

/** Checked by what they are handed to: `VQRAE.load`, `openLanguageModel`, `TokenServer.connect`. */
const handedOn = <K extends keyof LoadGeneratorOptions>() =>
  option.custom<LoadGeneratorOptions[K]>("an option", () => true);

const schema = z.strictObject({
  device: handedOn<"device">(),
  cacheDir: handedOn<"cacheDir">(),
  gpu: handedOn<"gpu">(),
  apiKey: handedOn<"apiKey">(),
  threads: option.integer(1),
  imagesAtOnce: option.integer(1, MAX_IMAGES),
  batch: option.oneOf("exact", "always"),
  contextSize: option.integer(1),
  onProgress: option.callback<NonNullable<LoadGeneratorOptions["onProgress"]>>(),
  onLoad: option.callback<NonNullable<LoadGeneratorOptions["onLoad"]>>(),
  onConvert: option.callback<NonNullable<LoadGeneratorOptions["onConvert"]>>(),
  signal: option.signal,
});

/** The small model that ships. */
const shippedLlm = (): string => join(packageFile("models/vqrae-tiny-generator"), "llm.gguf");

/**
 * Loads a language model with visual tokens, or Janus', into llama.cpp and the tokenizer that decodes its ids: together they
 * make pictures from words.
 *
 * ```ts
 * const generator = await loadGenerator("default");
 * const [picture] = await generator.generateImages("a red triangle", { seed: 1 });
 * await generator.dispose();
 * ```
 *
 * Tar's own GGUF file is taken as it is, with TA-Tok and AR-DTok as the tokenizer.
 *
 * @throws CHECKPOINT_NOT_FOUND; INVALID_GGUF for a language model whose metadata has no layout of visual tokens, or a
 *   wrong one; INCOMPATIBLE for a tokenizer with another codebook or grid, for a Janus without its tokenizer's head or beside
 *   another model's, or a server with another model;
 *   CONTEXT_OVERFLOW for a server's context that is too short for an image; INVALID_ARGUMENT for another option;
 *   UNSUPPORTED, MISSING_DEPENDENCY, SERVER_UNREACHABLE; the signal's reason after an abort
 */
export async function loadGenerator(
  source: GeneratorSource | "default" = "default",
  options: LoadGeneratorOptions = {},
): Promise<ImageGenerator> {
  const parts: GeneratorSource = source === "default" ? { llm: "default", tokenizer: "default" } : source;
  const { device, cacheDir, onLoad, onConvert, ...rest } = setFields(parseOptions(schema, options, "loadGenerator"));
  const { onProgress, signal } = rest;
  const llm = parts?.llm === "default" ? shippedLlm() : parts?.llm;
  const gguf = await readGguf(await languageModelOf(llm, { cacheDir, onConvert, signal }));
  const formatWith = await readIdFormat(gguf, parts.tokenizer);
  onProgress?.("tokenizer");
  const ownsTokenizer = typeof parts.tokenizer !== "object";
  const tokenizer: GeneratorTokenizer =
    typeof parts.tokenizer === "object"
      ? parts.tokenizer
      : await VQRAE.load(parts.tokenizer, setFields({ device, cacheDir, signal, onProgress: onLoad }));
  try {
    const format = formatWith(tokenizer);
    const decoder = requireIdDecoder(tokenizer);
    requireTokenizer(format, decoder);
    const ids = await openSource(gguf, parts.server, format, rest);
    const info: ImageGeneratorInfo = {
      modelId: nameOf(llm, gguf.file),
      ...ownWords((key) => gguf.metadata.get(`general.${key}`)?.value),
      tokenizerId: tokenizer.info.modelId,
      outputSize: decoder.outputSize,
      grid: format.grid,
      codebookSize: format.codebookSize,
      sampling: format.sampling,
      imagesAtOnce: ids.imagesAtOnce,
      guidance: ids.guidance,
      likelihoods: ids.likelihoods,
      ...(decoder.sampling && { decodeSteps: decoder.sampling.steps }),
    };
    return new TokenImageGenerator({ info, source: ids, tokenizer, ownsTokenizer });
  } catch (error) {
    if (ownsTokenizer) await tokenizer[Symbol.asyncDispose]();
    throw error;
  }
}

/** A model is named after its folder where that was given, or where the file is called "llm" or "model". */
function nameOf(given: string, file: string): string {
  if (resolve(given) !== file) return basename(resolve(given));
  const name = basename(file, extname(file));
  return ["llm", "model"].includes(name) ? basename(dirname(file)) : name;
}
