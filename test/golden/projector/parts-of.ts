import type { ImageEmbeddings } from "../../../sdk/index.ts";

/** As expected.json has it: text, and numbers of embeddings without text between them. */
export function partsOf({ segments }: ImageEmbeddings): (string | number)[] {
  const parts: (string | number)[] = [];
  for (const segment of segments) {
    if (segment.type === "text") parts.push(segment.text);
    else {
      const count = segment.grid.rows * segment.grid.columns;
      const last = parts.at(-1);
      if (typeof last === "number") parts[parts.length - 1] = last + count;
      else parts.push(count);
    }
  }
  return parts;
}
