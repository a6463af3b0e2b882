import { type ClassScore, VqraeError } from "../../sdk/index.ts";
import { defineCommand } from "../command/command.ts";
import { manyArguments, option } from "../command/option.ts";
import { text, wholeNumber } from "../command/value-types.ts";
import { imageArgument, OR_STDIN } from "../shared/image-argument.ts";
import { decoding, json, loadOptions } from "../shared/model-options.ts";
import { namingFile, printResult } from "../shared/print-result.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";

export const classify = defineCommand({
  arguments: { images: manyArguments(`The images to name${OR_STDIN}`) },
  options: {
    top: option(wholeNumber("count", { least: 1 }), "How many classes to show", { default: 5 }),
    model: option(text("folder"), "The classifier's checkpoint folder", { default: "deit-tiny" }),
    ...loadOptions,
    decoding,
    json,
  },
  notes: [
    "DeiT-tiny, which ships, knows ImageNet's 1,000 classes: many animals and things, but no people, and no scene as such.",
    "Another model needs a classification head: a ViT or DeiT as image classifiers are stored on the hub, or a VQRAE with one.",
    "A head knows its own classes alone. The probabilities of all of them add up to 100 %, whatever the image shows.",
  ],
  examples: ["vqrae classify photo.jpg", "vqrae classify *.jpg --model ./my-vit --top 1 --json"],
  async run({ images, top, json, ...args }) {
    const found = await withTokenizer(args, async (tokenizer) => {
      const named: { image: string; classes: ClassScore[] }[] = [];
      for (const image of images) {
        try {
          named.push({ image, classes: await tokenizer.classify(imageArgument(image), { count: top }) });
        } catch (error) {
          if (!VqraeError.isInstance(error)) throw error;
          throw new VqraeError(error.code, namingFile(image, error.message), { path: image, cause: error });
        }
      }
      return { model: tokenizer.info.modelId, images: named };
    });
    printResult(json, found, () => found.images.flatMap(({ image, classes }) => [image, ...classes.map(line)]));
  },
});

const line = ({ probability, label }: ClassScore): string =>
  `${(100 * probability).toFixed(1).padStart(7)} %  ${label}`;
