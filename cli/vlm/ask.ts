import { defineCommand } from "../command/command.ts";
import { argument } from "../command/option.ts";
import { json } from "../shared/model-options.ts";
import { vlmOptions, withVlm } from "./with-vlm.ts";

export const ask = defineCommand({
  arguments: {
    image: argument("The image to look at"),
    question: argument("What to ask"),
  },
  options: { ...vlmOptions, json },
  examples: [
    'vqrae ask photo.png "what shape is in the image?"',
    'vqrae ask photo.png "what is this?" --llm llava.gguf \\',
    "  --projector ./llava-1.5-7b-hf --model ./llava-1.5-7b-hf",
  ],
  async run({ image, question, json, ...args }, name) {
    await withVlm(name, args, async (vlm) => {
      if (json) {
        const answer = await vlm.ask(image, question);
        process.stdout.write(`${JSON.stringify({ image, question, answer })}\n`);
        return;
      }
      await vlm.ask(image, question, { onText: (text) => process.stdout.write(text) });
      process.stdout.write("\n");
    });
  },
});
