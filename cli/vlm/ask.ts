import { setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { type Argument, option } from "../command/option.ts";
import { usageError } from "../command/usage-error.ts";
import { number, wholeNumber } from "../command/value-types.ts";
import { imageArgument } from "../shared/image-argument.ts";
import { json } from "../shared/model-options.ts";
import { print, printJson } from "../shared/terminal.ts";
import { framesOf, videoOptions } from "./frames.ts";
import { vlmOptions, withVlm } from "./with-vlm.ts";

/** Images, and last of all the question. */
const asked: Argument<{ readonly images: readonly string[]; readonly question: string }> = {
  about: "The images to look at, - for one on standard input, and what to ask",
  usage: () => "<image...> <question>",
  most: Number.POSITIVE_INFINITY,
  value(given) {
    const question = given.at(-1);
    return question === undefined ? null : { images: given.slice(0, -1), question };
  },
};

export const ask = defineCommand({
  arguments: { asked },
  options: {
    temperature: option(number("number"), "0 always takes the likeliest token", { default: 0 }),
    maxTokens: option(wholeNumber("count", { least: 1 }), "Most tokens of the answer", { default: 512 }),
    ...videoOptions,
    ...vlmOptions,
    json,
  },
  examples: [
    'vqrae ask photo.jpg "Describe the image."',
    'vqrae ask photo.jpg "what is this?" --llm model.gguf --mmproj mmproj.gguf',
    'vqrae ask photo.jpg "what is this?" --vlm ./llava-1.5-7b-hf',
    'vqrae ask photo.jpg "what is this?" --llm tar.gguf --encoder ta_tok.pth',
    'vqrae ask photo.jpg "what is this?" \\',
    "  --vlm hf:ggml-org/SmolVLM-256M-Instruct-GGUF",
    'cat photo.jpg | vqrae ask - "what is this?"',
    'vqrae ask before.jpg after.jpg "what has changed?" --vlm ./Qwen3-VL-2B',
    'vqrae ask --video frames/ --fps 2 "what happens?" --vlm ./Qwen3-VL-2B',
  ],
  async run({ asked: { images, question }, video, fps, temperature, maxTokens, json, ...args }, name) {
    if (video === undefined && images.length === 0) throw usageError(name, "<image...> <question>", `only ${question}`);
    const film = video && [{ video: await framesOf(video, fps) }];
    await withVlm(name, args, async (vlm) => {
      const shown = images.map((image) => ({ image: imageArgument(image) }));
      const content = [...shown, ...(film ?? []), question];
      const pieces = vlm.streamChat([{ role: "user", content }], setFields({ temperature, maxTokens }));
      let answer = "";
      for await (const { text } of pieces) {
        answer += text;
        if (!json) print(text);
      }
      if (!json) print("\n");
      else printJson({ ...shownOf(images), ...setFields({ video }), question, answer });
    });
  },
});

function shownOf(images: readonly string[]) {
  if (images.length === 0) return {};
  return images.length === 1 ? { image: images[0] } : { images };
}
