import { extname } from "node:path";
import {
  type GeneratedImage,
  type GenerateOptions,
  type GeneratorSource,
  type ImageGenerator,
  type ImageGeneratorInfo,
  loadGenerator,
  type PresetName,
  presets,
} from "../../adapters/generation/index.ts";
import { tilePicture } from "../../sdk/evaluation/index.ts";
import { encodePng } from "../../sdk/index.ts";
import { setFields, writeWhole } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, option, type Values } from "../command/option.ts";
import { requireTogether, usageError } from "../command/usage-error.ts";
import { oneOf, text, wholeNumber } from "../command/value-types.ts";
import { keepCompiledCode } from "../shared/compiled-code.ts";
import { loadReport } from "../shared/load-report.ts";
import { gpu, json, model, verbose } from "../shared/model-options.ts";
import { checkFolder, checkOutput } from "../shared/output-file.ts";
import { printResult } from "../shared/print-result.ts";
import { type Progress, withProgress } from "../shared/progress.ts";
import { convertReport } from "../shared/pull-progress.ts";
import { say } from "../shared/terminal.ts";
import { type PictureGrid, pictureGrid } from "./picture-grid.ts";
import { batch, samplingFields, samplingOptions } from "./sampling-options.ts";

const isPreset = (name: string): name is PresetName => Object.hasOwn(presets, name);

const options = {
  out: option(text("file.png"), "The PNG file to write", { short: "o", default: "out.png" }),
  count: option(wholeNumber("n", { least: 1 }), "Make n pictures, each in a file of its own: out-1.png, ..."),
  bestOf: option(wholeNumber("n", { least: 1 }), "Draw each picture n times, and keep the likeliest"),
  grid: option(pictureGrid, "Make as many pictures as fit, in one file"),
  seed: option(wholeNumber("number"), "The same seed makes the same picture", { shownDefault: "a random one" }),
  preset: option(oneOf(...Object.keys(presets).filter(isPreset)), "Sample as this source does"),
  ...samplingOptions,
  continue: option(text("image"), "Keep the first --rows of this image, and draw the others"),
  rows: option(wholeNumber("count", { least: 1 }), "How many rows of ids to keep of --continue"),
  batch,
  atOnce: option(wholeNumber("n", { least: 1, most: 128 }), "Draw so many pictures together. 1 is one by one", {
    shownDefault: "8, or as many as fit",
  }),
  previews: option(text("folder"), "Write a picture of what is there after every few rows"),
  llm: option(text("file.gguf|folder"), "The language model, with visual tokens, or Janus'", {
    shownDefault: "the small one that ships",
  }),
  server: option(text("url"), "Ask a llama-server that serves --llm. Needs --guidance 1"),
  gpu,
  model,
  verbose,
  json,
};
type GenerateArgs = Values<typeof options>;

export const generate = defineCommand({
  arguments: { prompt: argument("What to show") },
  options,
  examples: [
    'vqrae generate "a red triangle"',
    'vqrae generate "a yellow star" -o stars.png --grid 3x3 --seed 1',
    'vqrae generate "a small green star" --best-of 2 --temperature 0.9',
    'vqrae generate "a red triangle" --continue photo.png --rows 7 --previews .',
    'vqrae generate "a red triangle" --llm model.gguf --model ./my-tokenizer',
    'vqrae generate "a red triangle" --llm ./Janus-Pro-1B --model ./Janus-Pro-1B',
    'vqrae generate "a photo of a macaw" --llm tar.gguf --model ./ta-tok',
  ],
  async run({ prompt, ...args }, name) {
    const { out, grid, count, previews, json } = args;
    await checkOutput(out, [".png"], args.continue === undefined ? [] : [args.continue]);
    if (previews !== undefined) await checkFolder(previews, "the folder of --previews");
    if (grid !== undefined && count !== undefined) throw usageError(name, "--grid or --count", "both");
    requireTogether(name, { "--continue": args.continue !== undefined, "--rows": args.rows !== undefined });
    const source = sourceOf(args, name);
    const n = grid ? grid.rows * grid.columns : (count ?? 1);

    keepCompiledCode();
    const { modelId, files, images, failures } = await withProgress(args, async (progress) => {
      const generator = await loadGenerator(source, {
        gpu: args.gpu,
        batch: args.batch,
        ...imagesAtOnce(args.atOnce, n * (args.bestOf ?? 1)),
        ...convertReport(progress),
        onProgress: (phase) => progress.say(`loading the ${phase}`),
        onLoad: loadReport(progress, args.model),
      });
      // Who names no model may take the small one for more than it is.
      if (source === "default") say(shippedNote(generator.info));
      try {
        const { images, failures } = await draw(generator, prompt, { n, ...optionsOf(args) }, previews, progress);
        if (grid && failures.length > 0) throw failures[0];
        const files = grid ? await writeGrid(out, images, grid) : await writeEach(out, images, n);
        return { modelId: generator.info.modelId, files, images, failures };
      } finally {
        await generator.dispose();
      }
    });
    const found = images.map(({ seed, ids }, i) => ({ out: files[i]?.path ?? out, seed, ids: [...ids] }));
    printResult(json, { model: modelId, prompt, images: found }, () =>
      files.map(({ path, what }) => `${path}: ${what}`),
    );
    // The other pictures are written.
    if (failures.length > 0) throw failures[0];
  },
});

const shippedNote = ({ modelId, description, licence }: ImageGeneratorInfo): string =>
  `${modelId} draws: ${description ?? "a small model"} (licence: ${licence ?? "none stated"}; --llm takes another model)`;

function sourceOf({ llm, server, model }: GenerateArgs, name: string): GeneratorSource | "default" {
  if (llm !== undefined) return { llm, tokenizer: model, ...setFields({ server }) };
  if (model === "default" && server === undefined) return "default";
  throw usageError(name, "--llm", server === undefined ? "--model alone" : "--server alone");
}

/** Sequences that no picture needs take memory too. Of more pictures the generator knows how many fit. */
const imagesAtOnce = (given: number | undefined, n: number) =>
  n <= FEW ? { imagesAtOnce: Math.min(n, given ?? n) } : setFields({ imagesAtOnce: given });
const FEW = 4;

/** Those that are given: the generator knows the others. */
function optionsOf(args: GenerateArgs): Omit<GenerateOptions, "n"> {
  const { bestOf, seed, preset, continue: image, rows, previews } = args;
  const continueImage = image === undefined || rows === undefined ? undefined : { image, rows };
  const previewRows = previews === undefined ? 0 : undefined;
  return { ...samplingFields(args), ...setFields({ bestOf, seed, preset, continueImage, previewRows }) };
}

async function draw(
  generator: ImageGenerator,
  prompt: string,
  options: GenerateOptions,
  previews: string | undefined,
  progress: Progress,
): Promise<{ readonly images: readonly GeneratedImage[]; readonly failures: readonly unknown[] }> {
  const [images, failures]: [GeneratedImage[], unknown[]] = [[], []];
  for await (const event of generator.generate(prompt, options)) {
    if (event.type === "progress") progress.say(`token ${event.done} of ${event.total}`);
    if (event.type === "decoding")
      progress.say(`pixels of image ${event.index + 1}: step ${event.done} of ${event.total}`);
    if (event.type === "preview") {
      const name = `${previews}/preview-${event.index + 1}-rows-${String(event.rows).padStart(2, "0")}.png`;
      await writeWhole(name, await encodePng(event.image));
    }
    if (event.type === "image") images.push(event);
    if (event.type === "failed") failures.push(event.error);
  }
  return { images, failures };
}

/** A file that was written, and what is in it, for people. */
interface WrittenFile {
  readonly path: string;
  readonly what: string;
}

async function writeGrid(
  out: string,
  images: readonly GeneratedImage[],
  { rows, columns }: PictureGrid,
): Promise<WrittenFile[]> {
  const pictures = images.map(({ image }) => image);
  const tiles = Array.from({ length: rows }, (_, row) => pictures.slice(row * columns, (row + 1) * columns));
  await writeWhole(out, await encodePng(tilePicture(tiles, 0)));
  return images.slice(0, 1).map(({ image, seed }) => {
    const what = `${rows} x ${columns} pictures of ${image.width} x ${image.height} pixels, seeds from ${seed} on`;
    return { path: out, what };
  });
}

async function writeEach(out: string, images: readonly GeneratedImage[], n: number): Promise<WrittenFile[]> {
  const extension = extname(out);
  const stem = out.slice(0, -extension.length);
  const files: WrittenFile[] = [];
  for (const { index, image, seed } of images) {
    const path = n === 1 ? out : `${stem}-${index + 1}${extension}`;
    await writeWhole(path, await encodePng(image));
    files.push({ path, what: `${image.width} x ${image.height} pixels, seed ${seed}` });
  }
  return files;
}
