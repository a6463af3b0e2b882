import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadVlm } from "../../adapters/llama-cpp/index.ts";
import { pictures } from "../golden/projector/pictures.ts";
import { families, otherOnServer, square } from "../golden/two-files/pictures.ts";
import { writeTinyLlm } from "../helpers/tiny-llm.ts";
import { temporaryFolder } from "../standalone/checkpoint/temporary.ts";

const golden = join(import.meta.dirname, "../golden");
const chatTemplate =
  "{% for message in messages %}{{ message.role + ': ' + message.content + '\n' }}{% endfor %}{{ 'assistant: ' }}";
const options = { gpu: false, device: "cpu", threads: 1, contextSize: 512, chatTemplate } as const;

test.each(["idefics3", "gemma3", "internvl"])(
  "%s: two GGUF files answer as the language model with the model's own folder does",
  async (family) => {
    const folder = await temporaryFolder();
    const { path: llm } = await writeTinyLlm(join(folder, "llm.gguf"), family === "gemma3" ? "gemma3" : "llama", {
      width: 8,
    });
    const answers: string[][] = [];
    const mmproj = join(folder, "mmproj-f32.gguf");
    await copyFile(join(golden, `mmproj/${family}-f32.gguf`), mmproj);
    for (const parts of [{ mmproj }, { encoder: join(golden, "projector", family) }]) {
      const vlm = await loadVlm(llm, { ...options, ...parts });
      try {
        const own: string[] = [];
        for (const picture of pictures) own.push(await vlm.ask(picture, "what?", { maxTokens: 12 }));
        answers.push(own);
      } finally {
        await vlm.dispose();
      }
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(new Set(answers[0]).size).toBeGreaterThan(1); // the pictures are seen
  },
  60_000,
);

/** Llama-server had the same pair of files (test/golden/two-files/make-server.ts). Where it differs, transformers' answer counts. */
test.each(families)(
  "%s: two GGUF files answer as llama-server does, on a square of native size",
  async (family) => {
    const folder = join(golden, "two-files", family);
    const json = async (...names: string[]) => JSON.parse(await readFile(join(golden, "two-files", ...names), "utf8"));
    const { side, image, prompt, cases } = await json(family, "expected.json");
    const server = (await json("server.json"))[family];
    const { greedy } = cases.native;
    if (!otherOnServer.includes(family)) expect(server.tokens).toEqual(greedy); // and as transformers does

    const question = "What is it?";
    await using vlm = await loadVlm(join(folder, "llm.gguf"), {
      ...options,
      mmproj: join(folder, "mmproj-f32.gguf"),
      flashAttention: false,
      // A template loses the newline that it ends with.
      chatTemplate: prompt.replace(`<image>${question}`, "{{ messages[0].content }}").replace(/\n$/, "{{ '\\n' }}"),
    });
    const messages = [{ role: "user", content: [{ image: square(side) }, question] }] as const;
    const { ids } = await vlm.buildPrompt(messages);
    expect([...ids].map((id) => (id === -1 ? image : id))).toEqual(cases.native.ids);
    const answer = await vlm.ask(square(side), question, { maxTokens: greedy.length });
    // It ends with what is left of a character that has begun.
    const content: string = server?.content ?? vlm.model.detokenize(greedy);
    expect(answer).toBe(content.replace(/\ufffd+$/, ""));
    expect(answer.length).toBeGreaterThan(0);
  },
  60_000,
);
