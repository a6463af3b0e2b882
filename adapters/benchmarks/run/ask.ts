import { readImage } from "../../../sdk/index.ts";
import type { VisionLanguageModel, VlmPart } from "../../vision-language-model.ts";
import type { Profile, Question } from "../benchmark.ts";
import type { Prediction } from "./predictions.ts";

/** The encoded images of a question. @throws INVALID_DATA, INVALID_IMAGE, IMAGE_TOO_LARGE where one cannot be read */
export async function decodableImages({ images }: Question): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (const image of images) {
    const bytes = await image.bytes();
    // Models fail in ways of their own on a damaged file: here it is told apart from their faults.
    await readImage(bytes);
    all.push(bytes);
  }
  return all;
}

/** Asks one question in a conversation of its own, always for the likeliest words. */
export async function ask(
  model: VisionLanguageModel,
  profile: Profile,
  question: Question,
  images: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<Prediction> {
  const { maxTokens, stop } = profile;
  const options = { maxTokens, temperature: 0, ...(stop && { stop }), ...(signal && { signal }) };
  const { text, finishReason, promptTokens, answerTokens } = await model.chat(
    [{ role: "user", content: content(profile.prompt(question), images) }],
    options,
  );
  return { id: question.id, answer: text, finishReason, promptTokens, answerTokens };
}

function content(prompt: string | readonly (string | number)[], images: readonly Uint8Array[]): VlmPart[] {
  if (typeof prompt === "string") return [...images.map((image) => ({ image })), prompt];
  return prompt.map((part) => (typeof part === "string" ? part : { image: images[part]! }));
}
