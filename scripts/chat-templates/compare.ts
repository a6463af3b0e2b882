/**
 * Compares our prompts with transformers' for published chat templates, such as those in llama.cpp's models/templates:
 *
 *   python scripts/chat-templates/render.py llama.cpp/models/templates > rendered.json
 *   node scripts/chat-templates/compare.ts llama.cpp/models/templates rendered.json
 *
 * Each template gets a system prompt, three turns and, where it writes images, an image; without `enable_thinking`, and with both
 * of its values. Prints every template that is not rendered as transformers renders it, and the counts.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ChatTemplate, type TemplateMessage, type Vocabulary } from "../../adapters/prompt/index.ts";

interface Rendered {
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly text: readonly (string | null)[];
  readonly image: readonly (string | null)[];
}

const [folder = "", rendered = ""] = process.argv.slice(2);
const theirs: Readonly<Record<string, readonly Rendered[]>> = JSON.parse(await readFile(rendered, "utf8"));
const vocabulary: Vocabulary = {
  file: "none",
  special: new Map(),
  addedBos: null,
  bosText: "<BOS>",
  eosText: "<EOS>",
  encode: () => [],
};
const conversation = (image: boolean): TemplateMessage[] => [
  { role: "system", parts: ["Be brief."] },
  { role: "user", parts: image ? [null, "What is it?"] : ["What is it?"] },
  { role: "assistant", parts: ["A cat."] },
  { role: "user", parts: ["Sure?"] },
];

let [equal, images, refused, different] = [0, 0, 0, 0];
for (const [name, cases] of Object.entries(theirs)) {
  const text = await readFile(join(folder, name), "utf8");
  try {
    let same = true;
    let place: string | null = null;
    for (const { kwargs, text: plain, image } of cases) {
      const template = await ChatTemplate.open({ text, file: name }, vocabulary, { kwargs });
      place = template.imagePlace;
      same &&= plain.includes((await template.render(conversation(false))).text);
      if (place !== null) same &&= image.includes((await template.render(conversation(true))).text);
    }
    if (same) equal += 1;
    else different += 1;
    if (same && place !== null) images += 1;
    if (!same) console.log(`${name}: another prompt`);
  } catch (error) {
    refused += 1;
    const too = cases.every(({ text: plain }) => plain.every((one) => one === null))
      ? " (transformers refuses it too)"
      : "";
    console.log(`${name}${too}: ${error instanceof Error ? error.message : error}`);
  }
}
console.log(`${equal} equal, of which ${images} write images; ${different} different; ${refused} refused`);
