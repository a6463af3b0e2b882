import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { buildPrompt, type ImageEmbedder } from "../../../adapters/prompt/index.ts";
import type { VlmMessage } from "../../../adapters/vision-language-model.ts";
import type { ImageEmbeddings, ImageSegment } from "../../../sdk/index.ts";

/** Conversations as transformers 5.18's processors write them: make_prompts.py. */
interface Expected {
  readonly messages: readonly { role: VlmMessage["role"]; content: (string | { image: number })[] }[];
  /** What stands for each image, in the order of the conversation: texts, and numbers of embeddings. */
  readonly layouts: readonly (readonly (string | number)[])[];
  readonly ids: readonly number[];
}

const families = [
  "llava-1.5",
  "llava-next",
  "internvl3-hf",
  "gemma3",
  "smolvlm2",
  "idefics3",
  "lfm2-vl",
  "qwen2-vl",
  "qwen2.5-vl",
  "qwen3-vl",
  "qwen3.5",
  "pixtral",
  "mistral3",
  "glm4v",
  "aya-vision",
  "janus",
  "llava-onevision",
];

/** What processors leave to the template, and our towers write, so that a template without images works too. */
const around: Readonly<Record<string, readonly [string, string]>> = {
  qwen: ["<|vision_start|>", "<|vision_end|>"],
  glm4v: ["<|begin_of_image|>", "<|end_of_image|>"],
};

describe.each(families)("prompts of %s", (family) => {
  const checkpoint = fileURLToPath(new URL(family, import.meta.url));

  it.each([0, 1, 2])("conversation %i has transformers' ids", async (which) => {
    const all: Expected[] = JSON.parse(await readFile(`${checkpoint}/expected.json`, "utf8"));
    const { messages, layouts, ids } = all[which]!;
    const [before, after] = around[family.startsWith("qwen") ? "qwen" : family] ?? [];
    const own = before && after ? layouts.map((layout) => [before, ...layout, after]) : layouts;
    const prompt = await buildPrompt(asMessages(messages), { checkpoint, tokenizer: withLayouts(own) });
    expect(prompt.ids).toEqual(ids);
    const counts = layouts.map((layout) => layout.reduce<number>((sum, one) => sum + Number(one) || sum, 0));
    const placed = counts.map((_, image) =>
      prompt.images.filter((place) => place.image === image).reduce((sum, { count }) => sum + count, 0),
    );
    expect(placed).toEqual(counts);
    const ordered = prompt.segments.flatMap((segment) =>
      segment.type === "tokens" ? segment.ids : Array.from<number>({ length: segment.grid.columns }).fill(-1),
    );
    expect(ordered).toEqual(ids.map((id, i) => (inside(prompt.images, i) ? -1 : id)));
  });
});

const inside = (places: readonly { start: number; count: number }[], i: number): boolean =>
  places.some(({ start, count }) => i >= start && i < start + count);

/** An image is told by its number in place of its pixels. */
const asMessages = (messages: Expected["messages"]): VlmMessage[] =>
  messages.map(({ role, content }) => ({
    role,
    content: content.map((part) => (typeof part === "string" ? part : { image: Uint8Array.of(part.image) })),
  }));

function withLayouts(layouts: Expected["layouts"]): ImageEmbedder {
  const left = [...layouts];
  return {
    async embed(): Promise<ImageEmbeddings> {
      const segments = (left.shift() ?? []).map(
        (part): ImageSegment =>
          typeof part === "string"
            ? { type: "text", text: part }
            : {
                type: "embeddings",
                data: new Float32Array(part),
                grid: { rows: 1, columns: part },
                attention: "causal",
              },
      );
      return { segments, embeddingDim: 1, tokens: segments.length };
    },
  };
}
