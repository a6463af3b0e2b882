import type { RenderedPrompt } from "./template/chat-template.ts";

/** InternVL's own code writes a newline behind an image that its template does not place (modeling_internvl_chat.py). */
const INTERNVL_END = "</img>";

/**
 * A prompt with what each image's layout says in its place: texts, which go on with the template's own, and what
 * stands for embeddings. What template and layout both write at an image's edge is there once.
 * @param layouts one for each image: its texts and embeddings in order
 */
export function placeImages<T extends object>(
  { text, imagePlace, byTemplate }: RenderedPrompt,
  layouts: readonly (readonly (string | T)[])[],
): (string | T)[] {
  const [begin = "", ...between] = text.split(imagePlace);
  const pieces: (string | T)[] = [];
  let written = begin;
  for (const [i, behind] of between.entries()) {
    const layout = layouts[i] ?? [];
    const [first] = layout;
    const last = layout.at(-1);
    if (typeof first === "string" && written.endsWith(first)) written = written.slice(0, -first.length);
    for (const part of layout) {
      if (typeof part === "string") written += part;
      else {
        if (written !== "") pieces.push(written);
        pieces.push(part);
        written = "";
      }
    }
    if (!byTemplate && last === INTERNVL_END) written += "\n";
    const repeats = typeof last === "string" && behind.startsWith(last);
    written += repeats ? behind.slice(last.length) : behind;
  }
  if (written !== "") pieces.push(written);
  return pieces;
}
