import {
  evaluateReconstruction,
  type FeatureNetwork,
  listImages,
  openFeatureNetwork,
  type ReconstructionCrop,
  type ReconstructionReport,
  rankedPicture,
  type Spread,
} from "../../sdk/evaluation/index.ts";
import { encodePng } from "../../sdk/index.ts";
import { expected, writeWhole } from "../../sdk/kit.ts";
import { cliCommand, modelArgs, usageErrorMend } from "../command/command.ts";
import { imageLimit, precisionOptions } from "../command/values.ts";
import { checkOutput } from "../shared/output-file.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";

const CROPS: readonly ReconstructionCrop[] = ["none", "adm", "pil"];

export const evaluateReconstructionCommand = cliCommand({
  name: "evaluate reconstruction",
  description: "Measure what a model's ids keep of a folder of images",
  args: {
    folder: { type: "positional", required: true, description: "The images, in it and in its sub-folders" },
    crop: {
      type: "string",
      default: "none",
      valueHint: CROPS.join("|"),
      description: "Cut centre squares first, as ADM or as torchvision on PIL images does",
    },
    features: {
      type: "string",
      valueHint: "network.onnx|folder|default",
      description: "A network for the Frechet distance: an ONNX file with its .json beside it, or an encoder",
    },
    taps: {
      type: "string",
      valueHint: "name,name",
      description:
        "Layers of it for the perceptual distance: outputs of an ONNX file (default all), blocks of an encoder",
    },
    picture: { type: "string", valueHint: "out.png", description: "Show the worst, the median and the best images" },
    ...modelArgs,
  },
  examples: [
    "vqrae evaluate reconstruction ./photos",
    "vqrae evaluate reconstruction ./photos --crop adm --features inception.onnx --picture worst.png",
    "vqrae evaluate reconstruction ./photos --features ./deit-tiny --taps 3,6,9 --json",
  ],
  async run({ folder, crop: cropName, features, taps, picture, model, json, verbose, ...options }) {
    const crop = CROPS.find((name) => name === cropName);
    if (crop === undefined) throw expected("INVALID_ARGUMENT", `one of ${CROPS.join(", ")}`, "--crop", cropName);
    if (taps !== undefined && features === undefined) {
      const mend = usageErrorMend("vqrae evaluate reconstruction");
      throw expected("INVALID_ARGUMENT", "--features with --taps", "the network", undefined, mend);
    }
    if (picture !== undefined) await checkOutput(picture, [".png"]);
    const limit = imageLimit(options["max-pixels"]);
    const load = { ...limit, ...precisionOptions(options.precision, options["cache-dir"]) };
    const files = await listImages(folder);
    const report = await withTokenizer({ model, verbose, load }, async (tokenizer, progress) => {
      const network = features === undefined ? undefined : await open(features, taps);
      try {
        const onProgress = (done: number, total: number) => progress.say(`${done} of ${total} images`);
        const found = await evaluateReconstruction(tokenizer, files, { ...limit, crop, network, onProgress });
        if (picture !== undefined) {
          progress.say("drawing the picture");
          await writeWhole(picture, await encodePng(await rankedPicture(tokenizer, found, limit)));
        }
        return found;
      } finally {
        await network?.[Symbol.asyncDispose]();
      }
    });
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${linesOf(report, picture).join("\n")}\n`);
  },
});

const open = (path: string, taps: string | undefined): Promise<FeatureNetwork> =>
  openFeatureNetwork(path, taps === undefined ? {} : { taps: taps.split(",").map((tap) => tap.trim()) });

function linesOf(report: ReconstructionReport, picture: string | undefined): string[] {
  const { model, images, failed, protocol, psnr, ssimUniform, ssimGaussian, codebook, frechet, perceptual } = report;
  const { crop, inputSize, outputSize } = protocol;
  const cut = crop === "none" ? "no crop" : `crop "${crop}" to ${inputSize} px`;
  const equal = report.perImage.filter((image) => image.psnr === Number.POSITIVE_INFINITY).length;
  const use = `${codebook.used} of ${codebook.size} codes (${(100 * codebook.utilization).toFixed(2)} %)`;
  return [
    `${model} on ${images} images, ${cut}, compared at ${outputSize} x ${outputSize} pixels`,
    "                 mean     median   worst    best",
    row("PSNR dB", psnr, 2, equal > 0 ? `${equal} images came back equal` : "8-bit values, mean over images"),
    row("SSIM uniform", ssimUniform, 4, "7x7 window, as scikit-image"),
    row("SSIM Gaussian", ssimGaussian, 4, "11x11 window, as torchmetrics"),
    ...(perceptual
      ? [row("perceptual", perceptual, 4, `${perceptual.network}: ${perceptual.taps.join(", ")}; not LPIPS`)]
      : []),
    `codebook         ${use}, entropy ${codebook.entropy.toFixed(2)} bits, perplexity ${codebook.perplexity.toFixed(0)}`,
    ...(frechet
      ? [
          `Frechet distance ${frechet.distance.toFixed(4)} on ${frechet.network} (${frechet.feature}, ` +
            `${frechet.dim} features, ${images} images)`,
        ]
      : []),
    ...(picture === undefined ? [] : [`${picture}: the worst, the median and the best, originals above`]),
    ...failed.map(
      ({ path, message }) => `NOT MEASURED     ${message.includes(path) ? message : `${path}: ${message}`}`,
    ),
  ];
}

function row(name: string, spread: Spread | null, digits: number, note: string): string {
  const cells = spread
    ? [spread.mean, spread.median, spread.worst, spread.best].map((value) => value.toFixed(digits))
    : ["-", "-", "-", "-"];
  return `${name.padEnd(17)}${cells.map((cell) => cell.padEnd(9)).join("")}${note}`;
}
