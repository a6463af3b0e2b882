import {
  evaluateReconstruction,
  listImages,
  openClassifier,
  openFeatureNetwork,
  type ReconstructionReport,
  rankedPicture,
  type Spread,
} from "../../sdk/evaluation/index.ts";
import { type Classifier, encodePng } from "../../sdk/index.ts";
import { setFields, writeWhole } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, option } from "../command/option.ts";
import { usageError } from "../command/usage-error.ts";
import { oneOf, text, words } from "../command/value-types.ts";
import { json, tokenizerOptions } from "../shared/model-options.ts";
import { checkOutput } from "../shared/output-file.ts";
import { namingFile, printResult } from "../shared/print-result.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";

export const reconstruction = defineCommand({
  arguments: { folder: argument("The images, in this folder and in its sub-folders") },
  options: {
    crop: option(
      oneOf("none", "adm", "pil"),
      "Cut centre squares first: as ADM does, or as torchvision on PIL images",
      {
        default: "none",
      },
    ),
    features: option(
      text("network"),
      "A network for the Frechet distance: an ONNX file with its .json beside it, an encoder's folder, or default",
    ),
    taps: option(
      words("name,..."),
      "Its layers for the perceptual distance: outputs of an ONNX file, or blocks of an encoder",
      { shownDefault: "all outputs, no blocks" },
    ),
    classifier: option(
      text("network"),
      "A ViT's folder, or an ONNX file with labels in its .json: how often it names the reconstruction as it names the original",
    ),
    picture: option(text("out.png"), "Show the images that came back worst, in the middle and best"),
    ...tokenizerOptions,
    json,
  },
  examples: [
    "vqrae evaluate reconstruction ./photos",
    "vqrae evaluate reconstruction ./photos --crop adm \\",
    "  --features inception.onnx --picture worst.png",
    "vqrae evaluate reconstruction ./photos --features ./deit-tiny --taps 3,6,9",
  ],
  async run({ folder, crop, features, taps, classifier: head, picture, json, ...args }, name) {
    if (taps !== undefined && features === undefined) {
      throw usageError(name, "--features with --taps", "--taps alone", "the network");
    }
    if (picture !== undefined) await checkOutput(picture, [".png"]);
    const limit = setFields({ maxPixels: args.maxPixels });
    const files = await listImages(folder);
    const report = await withTokenizer(args, async (tokenizer, progress) => {
      const network = features === undefined ? undefined : await openFeatureNetwork(features, setFields({ taps }));
      let classifier: Classifier | undefined;
      try {
        if (head !== undefined) classifier = await openClassifier(head);
        const onProgress = (done: number, total: number) => progress.say(`${done} of ${total} images`);
        const found = await evaluateReconstruction(tokenizer, files, {
          ...limit,
          crop,
          network,
          classifier,
          onProgress,
        });
        if (picture !== undefined) {
          progress.say("drawing the picture");
          await writeWhole(picture, await encodePng(await rankedPicture(tokenizer, found, limit)));
        }
        return found;
      } finally {
        await network?.[Symbol.asyncDispose]();
        await classifier?.[Symbol.asyncDispose]();
      }
    });
    printResult(json, report, () => linesOf(report, picture));
  },
});

function linesOf(report: ReconstructionReport, picture: string | undefined): string[] {
  const { model, images, failed, protocol, psnr, ssimUniform, ssimGaussian, codebook, frechet, perceptual } = report;
  const { blocking, recognition } = report;
  const { crop, inputSize, outputSize } = protocol;
  const cut = crop === "none" ? "no crop" : `crop "${crop}" to ${inputSize} px`;
  const equal = report.perImage.filter((image) => image.psnr === Number.POSITIVE_INFINITY).length;
  return [
    `${model} on ${images} images, ${cut}, compared at ${outputSize} x ${outputSize} pixels`,
    "                 mean     median   worst    best",
    row("PSNR dB", psnr, 2, equal > 0 ? `${equal} images came back equal` : "8-bit values, mean over images"),
    row("SSIM uniform", ssimUniform, 4, "7x7 window, as scikit-image"),
    row("SSIM Gaussian", ssimGaussian, 4, "11x11 window, as torchmetrics"),
    ...(perceptual
      ? [row("perceptual", perceptual, 4, `${perceptual.network}: ${perceptual.taps.join(", ")}; not LPIPS`)]
      : []),
    `codebook         ${codebook ? codebookUse(codebook) : "none: it decodes features"}`,
    ...(frechet
      ? [
          `Frechet distance ${frechet.distance.toFixed(4)} on ${frechet.network} (${frechet.feature}, ` +
            `${frechet.dim} features, ${images} images)`,
        ]
      : []),
    ...(blocking
      ? [
          `blocking         ${blocking.decoded.toFixed(2)}, the originals ${blocking.original.toFixed(2)}: seams of squares`,
        ]
      : []),
    ...(recognition ? [`recognised       ${recognised(recognition)}`] : []),
    ...(picture === undefined ? [] : [`${picture}: the worst, the median and the best, originals above`]),
    ...failed.map(({ path, message }) => `NOT MEASURED     ${namingFile(path, message)}`),
  ];
}

function codebookUse({ used, size, utilization, entropy, perplexity }: NonNullable<ReconstructionReport["codebook"]>) {
  const share = (100 * utilization).toFixed(2);
  return `${used} of ${size} codes (${share} %), entropy ${entropy.toFixed(2)} bits, perplexity ${perplexity.toFixed(0)}`;
}

function recognised({ classes, same, right }: NonNullable<ReconstructionReport["recognition"]>): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const kept = `${percent(same)} keep their first of ${classes} classes`;
  if (right === null) return kept;
  return `${kept}; right: ${percent(right.decoded)}, the originals ${percent(right.original)} (${right.images} images)`;
}

function row(name: string, spread: Spread | null, digits: number, note: string): string {
  const cells = spread
    ? [spread.mean, spread.median, spread.worst, spread.best].map((value) => value.toFixed(digits))
    : ["-", "-", "-", "-"];
  return `${name.padEnd(17)}${cells.map((cell) => cell.padEnd(9)).join("")}${note}`;
}
