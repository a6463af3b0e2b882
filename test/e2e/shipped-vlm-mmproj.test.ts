import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect, test } from "vitest";
import { loadVlm } from "../../adapters/llama-cpp/index.ts";
import { renameTokens, runtimeImages, swapVit } from "../../adapters/vit-swap/index.ts";
import { answerOf } from "../helpers/llama-server/answer-of.ts";
import { startLlamaServer } from "../helpers/llama-server/start.ts";
import { temporaryFolder } from "../standalone/checkpoint/temporary.ts";

const shipped = fileURLToPath(new URL("../../models/vqrae-tiny-vlm", import.meta.url));
const llm = join(shipped, "llm.gguf");

const shapes: Readonly<Record<string, string>> = {
  circle: '<circle cx="34" cy="30" r="14"/>',
  rectangle: '<rect x="12" y="20" width="34" height="18"/>',
  triangle: '<polygon points="14,46 46,44 28,14"/>',
};
const pictures = [
  ["circle", "red"],
  ["circle", "blue"],
  ["rectangle", "green"],
  ["rectangle", "black"],
  ["triangle", "gray"],
  ["triangle", "teal"],
  ["circle", "brown"],
  ["rectangle", "yellow"],
  ["triangle", "blue"],
  ["triangle", "red"],
] as const;
const questions = [
  "what shape is in the image?",
  "what color is the shape?",
  "is there a circle?",
  "does the image contain a green shape?",
  "is there not a triangle in the image?",
];

/** A picture as easy-VQA draws them. */
const draw = (shape: string, colour: string): Promise<Buffer> =>
  sharp(
    Buffer.from(
      `<svg width="64" height="64"><rect width="64" height="64" fill="#e8e8e8"/><g fill="${colour}">${shapes[shape]}</g></svg>`,
    ),
  )
    .png()
    .toBuffer();

test.skipIf(!existsSync(llm))(
  "the shipped model answers 50 questions through an mmproj as it does in process",
  async () => {
    const folder = await temporaryFolder();
    const [mmproj, renamed] = [join(folder, "mmproj.gguf"), join(folder, "llm.gguf")];
    const { words } = await swapVit(shipped, "default", mmproj);
    await renameTokens(llm, renamed, words!.rename);
    await using server = await startLlamaServer(renamed, mmproj);
    await using vlm = await loadVlm("default", { gpu: false, threads: 1 });
    const answers = new Set<string>();
    for (const [shape, colour] of pictures) {
      const image = await draw(shape, colour);
      const views = await runtimeImages(vlm.tokenizer, image);
      expect(views).toHaveLength(1);
      for (const question of questions) {
        const here = await vlm.ask(image, question, { maxTokens: 16 });
        expect(await answerOf(server, views, question, 16)).toBe(here);
        answers.add(here);
      }
    }
    expect(answers.size).toBeGreaterThan(2);
  },
  600_000,
);
