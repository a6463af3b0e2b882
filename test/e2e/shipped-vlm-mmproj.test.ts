import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadVlm } from "../../adapters/llama-cpp/index.ts";
import { renameTokens, runtimeImages, swapVit } from "../../adapters/vit-swap/index.ts";
import { answerOf } from "../helpers/llama-server/answer-of.ts";
import { startLlamaServer } from "../helpers/llama-server/start.ts";
import { writeOneBlockVlm } from "../helpers/one-block-vlm.ts";
import { temporaryFolder } from "../standalone/checkpoint/temporary.ts";

const path = (relative: string) => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const shipped = path("models/vqrae-tiny-vlm");

const pictures = ["astronaut.jpg", "blue-circle.png", "red-triangle.png"].map((name) =>
  path(`examples/images/${name}`),
);
const questions = [
  "Describe the image.",
  "What is this?",
  "Is there a person in the image?",
  "Is there a dog?",
  "what shape is in the image?",
  "what color is the shape?",
  "What is in the image?\nAnswer in a sentence.",
  "Is there a man?\nAnswer the question using a single word or phrase.",
  "What do you see?",
  "What is the capital of France?",
];

test("what the shipped model takes of two blocks fits into no mmproj, which is said", async () => {
  const out = join(await temporaryFolder(), "mmproj.gguf");
  await expect(swapVit(shipped, "deit-tiny", out)).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("features of one block"),
  });
});

test("reading one block, it answers 30 questions through an mmproj as it does in process", async () => {
  const folder = await temporaryFolder();
  await writeOneBlockVlm(shipped, folder);
  const [mmproj, renamed] = [join(folder, "mmproj.gguf"), join(folder, "renamed.gguf")];
  const { words } = await swapVit(folder, "deit-tiny", mmproj);
  await renameTokens(join(folder, "llm.gguf"), renamed, words!.rename);
  await using server = await startLlamaServer(renamed, mmproj);
  await using vlm = await loadVlm(folder, { encoder: "deit-tiny", gpu: false, threads: 1 });
  const answers = new Set<string>();
  for (const image of pictures) {
    const views = await runtimeImages(vlm.tokenizer, image);
    expect(views).toHaveLength(1);
    for (const question of questions) {
      const here = await vlm.ask(image, question, { maxTokens: 16 });
      expect(await answerOf(server, views, question, 16)).toBe(here);
      answers.add(here);
    }
  }
  expect(answers.size).toBeGreaterThan(4);
}, 600_000);
