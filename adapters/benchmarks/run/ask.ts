import { readImage } from "../../../sdk/index.ts";
import { expected, setFields } from "../../../sdk/kit.ts";
import type { VisionLanguageModel, VlmPart } from "../../vision-language-model.ts";
import type { Profile, Question } from "../benchmark.ts";
import type { Prediction } from "./predictions.ts";

/** The encoded images of a question. @throws INVALID_DATA, INVALID_IMAGE, IMAGE_TOO_LARGE if one cannot be decoded */
export async function decodableImages({ images }: Question): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (const image of images) {
    const bytes = await image.bytes();
    // A damaged file is found here, because models fail on it in ways of their own.
    await readImage(bytes);
    all.push(bytes);
  }
  return all;
}

/** Asks one question in a conversation of its own, always for the likeliest words. */
export async function ask(
  model: Pick<VisionLanguageModel, "chat">,
  profile: Profile,
  question: Question,
  images: readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<Prediction> {
  const { maxTokens, stop } = profile;
  const options = { maxTokens, temperature: 0, ...setFields({ stop, signal }) };
  const { text, finishReason, promptTokens, answerTokens } = await model.chat(
    [{ role: "user", content: content(profile.prompt(question), images) }],
    options,
  );
  return { id: question.id, answer: text, finishReason, promptTokens, answerTokens };
}

function content(prompt: string | readonly (string | number)[], images: readonly Uint8Array[]): VlmPart[] {
  if (typeof prompt === "string") return [...images.map((image) => ({ image })), prompt];
  return prompt.map((part) => {
    if (typeof part === "string") return part;
    const image = images[part];
    if (image) return { image };
    throw expected("INVALID_ARGUMENT", `the number of one of ${images.length} images`, "a profile's prompt", part);
  });
}
