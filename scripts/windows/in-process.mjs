import { writeFileSync } from "node:fs";
import { loadVlm } from "vqrae/llama-cpp";

/**
 * Asks the VLM that ships about a drawn circle and writes the answers, or why there are none, to a file: Node's pipes do not
 * work under Wine.
 */
const [, , out] = process.argv;
const write = (result) => writeFileSync(out, JSON.stringify(result));
write({ error: "it ended before it said anything" });

const side = 64;
const circle = {
  width: side,
  height: side,
  data: Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side), i % 3];
    const inside = (x - 30) ** 2 + (y - 34) ** 2 < 18 ** 2;
    return inside ? [220, 20, 20][channel] : 232;
  }),
};
const questions = [
  "what shape is in the image?",
  "what color is the shape?",
  "is there a circle?",
  "is there a blue shape?",
];

try {
  const vlm = await loadVlm("default", { gpu: false, threads: 1 });
  const { segments } = await vlm.tokenizer.embed(circle);
  const embeddings = segments.flatMap((segment) => (segment.type === "embeddings" ? [...segment.data] : []));
  const answers = [];
  for (const question of questions) answers.push(await vlm.ask(circle, question, { maxTokens: 16 }));
  write({ platform: process.platform, node: process.version, embeddings, answers });
} catch (error) {
  write({ error: error.stack, cause: error.cause?.stack });
}
process.exit(0);
