import { leave } from "../../async-generators.ts";
import type { GeneratedImage, GenerationEvent, ImageGenerator } from "../../generation/index.ts";
import { now } from "../route.ts";
import { pngObject } from "./png-object.ts";

type Events = AsyncGenerator<GenerationEvent, GeneratedImage[]>;

/** OpenAI's events of images that are drawn: previews, and each image. With several images, `index` says which. */
export async function* imageEvents(
  kind: "image_generation" | "image_edit",
  { info }: ImageGenerator,
  first: Awaited<ReturnType<Events["next"]>>,
  events: Events,
): AsyncGenerator<object> {
  const { width, height } = info.outputSize;
  const fields = { background: "opaque", output_format: "png", quality: "auto", size: `${width}x${height}` };
  const previews = new Map<number, number>();
  try {
    for (let next = first; !next.done; next = await events.next()) {
      const { value: event } = next;
      if (event.type === "progress" || event.type === "decoding") continue;
      if (event.type === "failed") throw event.error;
      const { index } = event;
      const shown = { ...(await pngObject(event.image)), ...fields, index, created_at: now() };
      if (event.type === "preview") {
        const count = previews.get(index) ?? 0;
        previews.set(index, count + 1);
        yield { type: `${kind}.partial_image`, partial_image_index: count, ...shown };
      } else yield { type: `${kind}.completed`, ...shown, seed: event.seed, usage: USAGE };
    }
  } finally {
    await leave(events);
  }
}

/** Nothing is counted; clients want the fields. */
const USAGE = {
  input_tokens: 0,
  input_tokens_details: { image_tokens: 0, text_tokens: 0 },
  output_tokens: 0,
  total_tokens: 0,
};
