import type {
  GeneratedImage,
  GenerateOptions,
  GenerationEvent,
  ImageGenerator,
} from "../../adapters/generation/index.ts";

/** All events of a call, and the images that it returns. @param act on each event, before the next one is drawn */
export async function collect(
  generator: ImageGenerator,
  prompt: string | readonly string[],
  options: GenerateOptions,
  act?: (event: GenerationEvent) => void,
) {
  const events: GenerationEvent[] = [];
  const stream = generator.generate(prompt, options);
  for (;;) {
    const { done, value } = await stream.next();
    if (done) return { events, images: value };
    events.push(value);
    act?.(value);
  }
}

export const idsOf = (images: readonly GeneratedImage[]): number[][] => images.map(({ ids }) => [...ids]);
