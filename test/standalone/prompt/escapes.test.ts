import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { buildPrompt, readHfVocabulary } from "../../../adapters/prompt/index.ts";

it("an escape that Python does not know keeps its backslash, as in LLaVA-NeXT's template", async () => {
  const checkpoint = fileURLToPath(new URL("../../golden/prompt/qwen2-vl", import.meta.url));
  const chatTemplate = String.raw`{% for m in messages %}{{ m.content + '<\s>\n' }}{% endfor %}`;
  const { ids } = await buildPrompt([{ role: "user", content: "a" }], { checkpoint, chatTemplate });
  const vocabulary = await readHfVocabulary(checkpoint);
  // jinja2 3.1: jinja2.Template(r"{{ 'a' + '<\s>\n' }}").render()
  expect(ids).toEqual(vocabulary?.encode("a<\\s>\n", true));
});
