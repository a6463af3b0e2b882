import { pipeline } from "node:stream/promises";
import { type ImageTokens, type VisionTokenizer, VqraeError } from "../../sdk/index.ts";
import { writeWhole } from "../../sdk/kit.ts";
import { cliCommand, modelArgs } from "../command/command.ts";
import { imageLimit, precisionOptions } from "../command/values.ts";
import { checkOutput } from "../shared/output-file.ts";
import type { Progress } from "../shared/progress.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";
import { countTokens, type EncodedImages } from "./tokens.ts";
import { tokensToJson } from "./tokens-json.ts";
import { tokensToNpz } from "./tokens-npz.ts";
import { writeTokensSafetensors } from "./tokens-safetensors.ts";

/** Images between two lines of progress: a few of the tokenizer's batches. */
const IMAGES_PER_STEP = 32;

export const encode = cliCommand({
  name: "encode",
  description: "Turn images into codebook ids and features",
  args: {
    images: { type: "positional", required: true, description: "The images to read, one or more" },
    out: {
      type: "string",
      valueHint: "tokens.json|npz|safetensors",
      description: "The file to write; without it JSON goes to standard output",
    },
    ids: { type: "boolean", description: "Write the ids [images, tokens]" },
    features: { type: "boolean", description: "Write the features [images, tokens, dim]" },
    ...modelArgs,
  },
  repeatable: true,
  examples: [
    "vqrae encode photo.jpg                             # ids as JSON on standard output",
    "vqrae encode photo.jpg --features                  # features as JSON",
    "vqrae encode *.jpg --out tokens.npz                # ids and features, for numpy.load",
    "vqrae encode *.jpg --ids --out tokens.safetensors",
    "",
    "Without --ids and --features both are written, but JSON then has only ids (features from a model without codebook).",
  ],
  async run({ _: images, out, ids, features, model, json, verbose, ...options }) {
    const limit = imageLimit(options["max-pixels"]);
    const load = { ...limit, ...precisionOptions(options.precision, options["cache-dir"]) };
    const format = out === undefined ? ".json" : await checkOutput(out, [".json", ".npz", ".safetensors"], images);
    const encoded = await withTokenizer({ model, verbose, load }, async (tokenizer, progress) => {
      const hasCodebook = tokenizer.info.codebook !== null;
      const byDefault = { ids: hasCodebook, features: format !== ".json" || !hasCodebook };
      const wanted = ids || features ? { ids: ids ?? false, features: features ?? false } : byDefault;
      return { info: tokenizer.info, images, tokens: await encodeInSteps(tokenizer, images, wanted, progress) };
    });
    if (out === undefined) {
      await pipeline(tokensToJson(encoded), process.stdout, { end: false });
      return;
    }
    await write(out, format, encoded);
    process.stdout.write(`${json ? JSON.stringify(summary(out, encoded)) : describe(out, encoded)}\n`);
  },
});

async function encodeInSteps(
  tokenizer: VisionTokenizer,
  images: readonly string[],
  wanted: { ids: boolean; features: boolean },
  progress: Progress,
): Promise<ImageTokens[]> {
  const tokens: ImageTokens[] = [];
  while (tokens.length < images.length) {
    progress.say(`encoding: ${tokens.length} of ${images.length} images`);
    const step = images.slice(tokens.length, tokens.length + IMAGES_PER_STEP);
    tokens.push(...(await tokenizer.encode(step, wanted).catch((error) => Promise.reject(withPath(error, step)))));
  }
  progress.say(`encoded ${images.length} images`);
  return tokens;
}

/** Names the file where the tokenizer names its place in the call, which nobody sees on a command line. */
function withPath(error: unknown, step: readonly string[]): unknown {
  if (!VqraeError.isInstance(error) || error.index === undefined) return error;
  const path = step[error.index] ?? "";
  const { message } = VqraeError.isInstance(error.cause) ? error.cause : error;
  return new VqraeError(error.code, message.includes(path) ? message : `${path}: ${message}`, { path, cause: error });
}

async function write(out: string, format: ".json" | ".npz" | ".safetensors", encoded: EncodedImages): Promise<void> {
  if (format === ".json") await writeWhole(out, tokensToJson(encoded));
  if (format === ".npz") await writeWhole(out, tokensToNpz(encoded));
  if (format === ".safetensors") await writeTokensSafetensors(out, encoded);
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
  const parts = [
    ...(tokens[0]?.ids ? [`${count} ids`] : []),
    ...(tokens[0]?.features ? [`${count} x ${info.featureDim} features`] : []),
  ];
  const many = grid === null ? `${images.length} images together` : `each of ${images.length} images`;
  return `${out}: ${parts.join(" and ")} for ${images.length === 1 ? "1 image" : many}`;
}
