import { pixelScores } from "../../sdk/evaluation/index.ts";
import { encodePng, type RgbImage, readImage } from "../../sdk/index.ts";
import { writeWhole } from "../../sdk/kit.ts";
import { cliCommand, modelArgs } from "../command/command.ts";
import { imageLimit, precisionOptions } from "../command/values.ts";
import { pictureGrid } from "../generate/picture-grid.ts";
import { checkOutput } from "../shared/output-file.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";

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
    const picture = beside ? pictureGrid([original, reconstruction], 2) : reconstruction;
    await writeWhole(output, await encodePng(picture));

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

/** As JSON has them: no infinite number. */
function measure(original: RgbImage, reconstruction: RgbImage) {
  const { psnr, ...ssim } = pixelScores(original, reconstruction);
  return { psnr: Number.isFinite(psnr) ? psnr : null, ...ssim };
}
