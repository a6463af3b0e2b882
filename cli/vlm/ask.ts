import { buffer } from "node:stream/consumers";
import { setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, option } from "../command/option.ts";
import { number, wholeNumber } from "../command/value-types.ts";
import { json } from "../shared/model-options.ts";
import { print, printJson } from "../shared/terminal.ts";
import { vlmOptions, withVlm } from "./with-vlm.ts";

export const ask = defineCommand({
  arguments: {
    image: argument("The image to look at. - reads it from standard input"),
    question: argument("What to ask"),
  },
  options: {
    temperature: option(number("number"), "0 always takes the likeliest token", { default: 0 }),
    maxTokens: option(wholeNumber("count", { least: 1 }), "Most tokens of the answer", { default: 512 }),
    ...vlmOptions,
    json,
  },
  examples: [
    'vqrae ask photo.png "what shape is in the image?"',
    'vqrae ask photo.jpg "what is this?" --llm model.gguf --mmproj mmproj.gguf',
    'vqrae ask photo.jpg "what is this?" --vlm ./llava-1.5-7b-hf',
    'vqrae ask photo.jpg "what is this?" \\',
    "  --vlm hf:ggml-org/SmolVLM-256M-Instruct-GGUF",
    'cat photo.jpg | vqrae ask - "what is this?"',
  ],
  async run({ image, question, temperature, maxTokens, json, ...args }, name) {
    await withVlm(name, args, async (vlm) => {
      const shown = image === "-" ? await buffer(process.stdin) : image;
      const options = setFields({ temperature, maxTokens });
      if (json) {
        const answer = await vlm.ask(shown, question, options);
        printJson({ image, question, answer });
        return;
      }
      await vlm.ask(shown, question, { ...options, onText: print });
      print("\n");
    });
  },
});
