import { encodePng, type RgbImage, readImage } from "../sdk/index.ts";
import { psnr, ssimGaussian, ssimUniform } from "../sdk/metrics/index.ts";
import { cliCommand, modelArgs } from "./command.ts";
import { imageLimit } from "./image-limit.ts";
import { checkOutput, writeOutput } from "./output-file.ts";
import { precisionOptions } from "./precision.ts";
import { sideBySide } from "./side-by-side.ts";
import { withTokenizer } from "./with-tokenizer.ts";

/** Below the Gaussian window's side SSIM is not defined; only test models decode to so few pixels. */
const SMALLEST_SSIM_SIDE = 11;

export const reconstruct = cliCommand({
  name: "reconstruct",
  description: "Turn an image into ids and back into pixels",
  args: {
    image: { type: "positional", required: true, description: "The image to read" },
    output: { type: "positional", required: true, description: "The PNG file to write" },
    "side-by-side": { type: "boolean", description: "Put what the model saw left of the reconstruction" },
    ...modelArgs,
  },
  examples: [
    "vqrae reconstruct photo.jpg out.png",
    "vqrae reconstruct photo.jpg out.png --side-by-side",
    "vqrae reconstruct photo.jpg out.png --model ./my-checkpoint --json",
  ],
  async run({ image: path, output, "side-by-side": beside, model, json, verbose, ...options }) {
    const limit = imageLimit(options["max-pixels"]);
    const load = { ...limit, ...precisionOptions(options.precision, options["cache-dir"]) };
    await checkOutput(output, [".png"], [path]);
    const { original, reconstruction, modelId, ids } = await withTokenizer(
      { model, verbose, load },
      async (tokenizer, progress) => {
        progress.say(`reconstructing ${path}`);
        const image = await readImage(path, limit);
        const { ids } = await tokenizer.encode(image, { features: false, ids: true });
        const reconstruction = await tokenizer.decode(ids!);
        const original = await tokenizer.reconstructionTarget(image);
        return { original, reconstruction, modelId: tokenizer.info.modelId, ids: ids!.length };
      },
    );
    const picture = beside ? sideBySide(original, reconstruction) : reconstruction;
    await writeOutput(output, await encodePng(picture));

    const { width, height } = reconstruction;
    const measures = measure(original, reconstruction);
    if (json) {
      const size = { width: picture.width, height: picture.height };
      process.stdout.write(`${JSON.stringify({ model: modelId, image: path, output, ...size, ids, ...measures })}\n`);
      return;
    }
    const lines = [
      `${output}: ${picture.width} x ${picture.height} pixels from ${ids} ids`,
      `against what the model saw, at ${width} x ${height} pixels:`,
      `  PSNR           ${measures.psnr === null ? "infinite (equal)" : `${measures.psnr.toFixed(2)} dB`}`,
      `  SSIM uniform   ${measures.ssimUniform?.toFixed(4) ?? "-"}  (7x7 window, as scikit-image)`,
      `  SSIM Gaussian  ${measures.ssimGaussian?.toFixed(4) ?? "-"}  (11x11 window, as torchmetrics)`,
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  },
});

function measure(original: RgbImage, reconstruction: RgbImage) {
  const ratio = psnr(original, reconstruction);
  const large = Math.min(original.width, original.height) >= SMALLEST_SSIM_SIDE;
  return {
    psnr: Number.isFinite(ratio) ? ratio : null,
    ssimUniform: large ? ssimUniform(original, reconstruction) : null,
    ssimGaussian: large ? ssimGaussian(original, reconstruction) : null,
  };
}
