import { basename } from "node:path";
import { figures, figuresNote, rateDistortionPlot, tokenizersPage } from "../../adapters/benchmarks/index.ts";
import {
  compareTokenizers,
  listImages,
  openClassifier,
  openFeatureNetwork,
  type TokenizerComparison,
} from "../../sdk/evaluation/index.ts";
import { type Classifier, loadTokenizer } from "../../sdk/index.ts";
import { findCheckpoint, modelOf, openCheckpoint, parametersOf, setFields, writeWhole } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { anyArguments, flag, option } from "../command/option.ts";
import { usageError } from "../command/usage-error.ts";
import { oneOf, text, wholeNumber } from "../command/value-types.ts";
import { loadReport } from "../shared/load-report.ts";
import { json, loadOptions } from "../shared/model-options.ts";
import { checkOutput } from "../shared/output-file.ts";
import { namingFile, printResult } from "../shared/print-result.ts";
import { withProgress } from "../shared/progress.ts";

export const tokenizers = defineCommand({
  arguments: { more: anyArguments("The tokenizers after the first, behind --tokenizers") },
  options: {
    images: option(text("folder"), "The images, in this folder and in its sub-folders"),
    tokenizers: option(text("folder|file"), "Checkpoint folders or files of weights, one or more; default ships"),
    crop: option(oneOf("none", "adm", "pil"), "Cut centre squares first, as `vqrae evaluate reconstruction` does", {
      default: "none",
    }),
    features: option(
      text("network"),
      "A network for the Frechet distance: an ONNX file with its .json beside it, an encoder's folder, or default",
    ),
    classifier: option(
      text("network"),
      "A ViT's folder, or an ONNX file with labels in its .json: what it still recognises of tokenizers and codecs",
    ),
    noCodecs: flag("Measure no JPEG, WebP and AVIF beside them, which takes about a second an image"),
    page: option(text("out.html"), "Write a page with the table, the plot and pictures side by side"),
    plot: option(text("out.svg"), "Write the plot of rates alone"),
    pictures: option(wholeNumber("count"), "Images on the page", { default: 6 }),
    ...loadOptions,
    json,
  },
  examples: [
    "vqrae compare tokenizers --images ./photos --tokenizers default vq_ds16_c2i.pt",
    "vqrae compare tokenizers --images ./photos --page compared.html \\",
    "  --crop adm --features inception.onnx --tokenizers a.pt b.ckpt ./c",
  ],
  async run(
    { images, tokenizers: first, more, page, plot, features, classifier: head, noCodecs, json, ...args },
    name,
  ) {
    if (images === undefined) throw usageError(name, "--images <folder>", "none", "the images");
    if (first === undefined) throw usageError(name, "--tokenizers with one or more", "none", "the tokenizers");
    if (page !== undefined) await checkOutput(page, [".html"]);
    if (plot !== undefined) await checkOutput(plot, [".svg"]);
    const { crop, pictures, maxPixels, precision, cacheDir, verbose } = args;
    const sources = [first, ...more];
    const names = shortNames(sources);
    const files = await listImages(images);
    const found = await withProgress({ verbose }, async (progress) => {
      const compared = await Promise.all(
        sources.map(async (source, i) => ({
          name: names[i] ?? source,
          parameters: await parametersIn(source),
          load: () =>
            loadTokenizer(source, {
              ...setFields({ precision, cacheDir, maxPixels }),
              onProgress: loadReport(progress, source),
            }),
        })),
      );
      const network = features === undefined ? undefined : await openFeatureNetwork(features);
      let classifier: Classifier | undefined;
      try {
        if (head !== undefined) classifier = await openClassifier(head);
        return await compareTokenizers(compared, files, {
          ...setFields({ network, classifier, maxPixels }),
          crop,
          codecs: !noCodecs,
          pictures: page === undefined ? 0 : pictures,
          onProgress: (source, done, total) => progress.say(`${source}: ${done} of ${total} images`),
        });
      } finally {
        await network?.[Symbol.asyncDispose]();
        await classifier?.[Symbol.asyncDispose]();
      }
    });
    const { comparison } = found;
    if (page !== undefined) await writeWhole(page, [await tokenizersPage(comparison, found.pictures)]);
    if (plot !== undefined) await writeWhole(plot, [rateDistortionPlot(comparison)]);
    printResult(json, comparison, () => linesOf(comparison, [page, plot]));
  },
});

/** The ends of paths, where these differ. */
function shortNames(sources: readonly string[]): readonly string[] {
  const ends = sources.map((source) => basename(source));
  return new Set(ends).size === ends.length ? ends : sources;
}

/** Of what its graphs read: a file may hold averages, a discriminator or a language model too. */
async function parametersIn(source: string): Promise<number> {
  const { weights } = await modelOf(await openCheckpoint(await findCheckpoint(source)));
  return parametersOf([weights.encoder, ...weights.others]);
}

/** A line a figure, a column a tokenizer; then where the files are, and what was not measured. */
function linesOf({ tokenizers }: TokenizerComparison, written: readonly (string | undefined)[]): string[] {
  const table = figures(tokenizers);
  const title = Math.max(...table.map(({ title }) => title.length));
  const widths = tokenizers.map((_, i) => Math.max(...table.map(({ cells }) => cells[i]?.length ?? 0)));
  const failed = tokenizers[0]?.reconstruction.failed ?? [];
  return [
    ...table.map(({ title: name, cells }) =>
      [name.padEnd(title), ...cells.map((cell, i) => cell.padEnd(widths[i] ?? 0))].join("  ").trimEnd(),
    ),
    figuresNote(tokenizers),
    ...written.filter((path) => path !== undefined),
    ...failed.map(({ path, message }) => `NOT MEASURED  ${namingFile(path, message)}`),
  ];
}
