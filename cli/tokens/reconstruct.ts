import { pixelScores, reconstructAll, tilePicture } from "../../sdk/evaluation/index.ts";
import { encodePng, type RgbImage, readImage } from "../../sdk/index.ts";
import { present, setFields, writeWhole } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, flag, option } from "../command/option.ts";
import { wholeNumber } from "../command/value-types.ts";
import { imageArgument, OR_STDIN } from "../shared/image-argument.ts";
import { json, tokenizerOptions } from "../shared/model-options.ts";
import { checkOutput } from "../shared/output-file.ts";
import { printResult } from "../shared/print-result.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";

export const reconstruct = defineCommand({
  arguments: {
    image: argument(`The image to read${OR_STDIN}`),
    output: argument("The PNG file to write"),
  },
  options: {
    seed: option(wholeNumber("number"), "Of a decoder that draws (AR-DTok): the same seed makes the same picture", {
      shownDefault: "0",
    }),
    sideBySide: flag("Put what the model saw to the left of the reconstruction"),
    ...tokenizerOptions,
    json,
  },
  examples: [
    "vqrae reconstruct photo.jpg out.png",
    "vqrae reconstruct photo.jpg out.png --side-by-side",
    "vqrae reconstruct photo.jpg out.png --model ./my-checkpoint --json",
  ],
  async run({ image: path, output, seed, sideBySide, json, ...args }) {
    await checkOutput(output, [".png"], [path]);
    const { original, reconstruction, ids, model } = await withTokenizer(args, async (tokenizer, progress) => {
      progress.say(`reconstructing ${path}`);
      const image = await readImage(imageArgument(path), setFields({ maxPixels: args.maxPixels }));
      const [one] = await reconstructAll(tokenizer, [image], {
        ...setFields({ seed }),
        onProgress: ({ done, total }) => progress.say(`drawing the pixels of ${path}: step ${done} of ${total}`),
      });
      const { original, decoded, ids } = present(one, "the one image");
      return { original, reconstruction: decoded, ids: ids?.length ?? null, model: tokenizer.info.modelId };
    });
    const picture = sideBySide ? tilePicture([[original, reconstruction]], 0) : reconstruction;
    await writeWhole(output, await encodePng(picture));

    const measures = measure(original, reconstruction);
    const { width, height } = picture;
    printResult(json, { model, image: path, output, width, height, ids, ...measures }, () => [
      `${output}: ${width} x ${height} pixels from ${ids === null ? "features" : `${ids} ids`}`,
      `against what the model saw, at ${reconstruction.width} x ${reconstruction.height} pixels:`,
      `  PSNR           ${measures.psnr === null ? "infinite (equal)" : `${measures.psnr.toFixed(2)} dB`}`,
      `  SSIM uniform   ${measures.ssimUniform?.toFixed(4) ?? "-"}  (7x7 window, as scikit-image)`,
      `  SSIM Gaussian  ${measures.ssimGaussian?.toFixed(4) ?? "-"}  (11x11 window, as torchmetrics)`,
    ]);
  },
});

/** As JSON can hold them: an infinite PSNR is null. */
function measure(original: RgbImage, reconstruction: RgbImage) {
  const { psnr, ...ssim } = pixelScores(original, reconstruction);
  return { psnr: Number.isFinite(psnr) ? psnr : null, ...ssim };
}
