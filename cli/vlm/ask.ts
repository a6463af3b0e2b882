import { cliCommand } from "../command/command.ts";
import { vlmArgs, withVlm } from "./with-vlm.ts";

export const ask = cliCommand({
  name: "ask",
  description: "Ask a vision language model about an image",
  args: {
    image: { type: "positional", required: true, description: "The image to look at" },
    question: { type: "positional", required: true, description: "What to ask" },
    ...vlmArgs,
  },
  examples: [
    'vqrae ask photo.png "what shape is in the image?"',
    'vqrae ask photo.png "what is this?" --llm llava.gguf --projector ./llava-1.5-7b-hf --model ./llava-1.5-7b-hf',
  ],
  async run({ image, question, json, ...args }) {
    await withVlm("ask", args, async (vlm) => {
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
