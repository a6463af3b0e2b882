import { pipeline } from "node:stream/promises";
import { type Encoder, hasCodebook, type ImageTokens, VqraeError } from "../../sdk/index.ts";
import { writeWhole } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { flag, manyArguments, option } from "../command/option.ts";
import { text } from "../command/value-types.ts";
import { imageArgument, OR_STDIN } from "../shared/image-argument.ts";
import { decoding, json, tokenizerOptions } from "../shared/model-options.ts";
import { checkOutput } from "../shared/output-file.ts";
import { namingFile, printResult } from "../shared/print-result.ts";
import type { Progress } from "../shared/progress.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";
import { codesPerToken, countTokens, type EncodedImages } from "./tokens.ts";
import { tokensToJson } from "./tokens-json.ts";

/** Images between two lines of progress: a few of the tokenizer's batches. */
const IMAGES_PER_STEP = 32;

export const encode = defineCommand({
  arguments: { images: manyArguments(`The images to read${OR_STDIN}`) },
  options: {
    out: option(
      text("file"),
      "The file to write: .json, .npz or .safetensors. Without it, JSON goes to standard output",
    ),
    ids: flag("Write the ids [images, tokens]"),
    features: flag("Write the features [images, tokens, dim]"),
    ...tokenizerOptions,
    decoding,
    json,
  },
  notes: [
    "Without --ids and --features, .npz and .safetensors files get both. JSON gets the ids alone, or the features of a " +
      "model without a codebook.",
  ],
  examples: [
    "# ids as JSON on standard output",
    "vqrae encode photo.jpg",
    "cat photo.jpg | vqrae encode -",
    "# features as JSON",
    "vqrae encode photo.jpg --features",
    "# ids and features, for numpy.load",
    "vqrae encode *.jpg --out tokens.npz",
    "vqrae encode *.jpg --ids --out tokens.safetensors",
  ],
  async run({ images, out, ids, features, json, ...args }) {
    const format = out === undefined ? ".json" : await checkOutput(out, [".json", ".npz", ".safetensors"], images);
    const encoded = await withTokenizer(args, async (tokenizer, progress) => {
      const hasIds = hasCodebook(tokenizer);
      const wanted = ids || features ? { ids, features } : { ids: hasIds, features: format !== ".json" || !hasIds };
      return { info: tokenizer.info, images, tokens: await encodeInSteps(tokenizer, images, wanted, progress) };
    });
    if (out === undefined) {
      await pipeline(tokensToJson(encoded), process.stdout, { end: false });
      return;
    }
    await write(out, format, encoded);
    printResult(json, summary(out, encoded), () => [describe(out, encoded)]);
  },
});

async function encodeInSteps(
  tokenizer: Encoder,
  images: readonly string[],
  wanted: { readonly ids: boolean; readonly features: boolean },
  progress: Progress,
): Promise<ImageTokens[]> {
  const tokens: ImageTokens[] = [];
  while (tokens.length < images.length) {
    const start = tokens.length;
    progress.say(`encoding: ${start} of ${images.length} images`);
    try {
      tokens.push(...(await tokenizer.encode(images.slice(start, start + IMAGES_PER_STEP).map(imageArgument), wanted)));
    } catch (error) {
      throw ofFile(error, images, start);
    }
  }
  progress.say(`encoded ${images.length} images`);
  return tokens;
}

/** The error with the file's name: its place in one call, which the tokenizer names, means nothing on a command line. */
function ofFile(error: unknown, images: readonly string[], start: number): unknown {
  if (!VqraeError.isInstance(error) || error.index === undefined) return error;
  const index = start + error.index;
  const path = images[index] ?? "";
  const { message } = VqraeError.isInstance(error.cause) ? error.cause : error;
  return new VqraeError(error.code, namingFile(path, message), { index, path, cause: error });
}

async function write(out: string, format: ".json" | ".npz" | ".safetensors", encoded: EncodedImages): Promise<void> {
  if (format === ".json") await writeWhole(out, tokensToJson(encoded));
  if (format === ".npz") {
    const { tokensToNpz } = await import("./tokens-npz.ts");
    await writeWhole(out, tokensToNpz(encoded));
  }
  if (format === ".safetensors") {
    const { writeTokensSafetensors } = await import("./tokens-safetensors.ts");
    await writeTokensSafetensors(out, encoded);
  }
}

function summary(out: string, { info, images, tokens }: EncodedImages) {
  const { grid, featureDim, codebook } = info;
  return {
    model: info.modelId,
    out,
    images: images.length,
    grid,
    ids: tokens[0]?.ids ? { codebook } : null,
    features: tokens[0]?.features ? { dim: featureDim } : null,
  };
}

function describe(out: string, { info, images, tokens }: EncodedImages): string {
  const { grid } = info;
  const count = grid === null ? countTokens(tokens) : grid.rows * grid.columns;
  const codes = codesPerToken(info);
  const idCount = grid === null ? count : tokens[0]?.ids?.length;
  const parts = [
    ...(tokens[0]?.ids ? [codes === 1 ? `${idCount} ids` : `${count} x ${codes} ids`] : []),
    ...(tokens[0]?.features ? [`${count} x ${info.featureDim} features`] : []),
  ];
  const many = grid === null ? `${images.length} images together` : `each of ${images.length} images`;
  return `${out}: ${parts.join(" and ")} for ${images.length === 1 ? "1 image" : many}`;
}
