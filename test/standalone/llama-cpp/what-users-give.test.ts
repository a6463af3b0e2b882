import { randomBytes } from "node:crypto";
import { copyFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ggufValue, rewriteGguf } from "../../../adapters/gguf/index.ts";
import { type LoadVlmOptions, loadVlm } from "../../../adapters/llama-cpp/index.ts";
import { run } from "../../../cli/run.ts";
import { encodePng, type VqraeError } from "../../../sdk/index.ts";
import { writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { writeTinyMmproj } from "../../helpers/tiny-mmproj.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";
import { sha256, startHubAndCache } from "../hub/local-hub.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

/**
 * What goes wrong with the files that people have, through loadVlm and through the command line: a typed error that names the
 * file and what mends it, before anything is answered.
 */
const photo = fileURLToPath(new URL("../../../examples/images/cat.jpg", import.meta.url));
const golden = fileURLToPath(new URL("../../golden/two-files/qwen2_5_vl/", import.meta.url));
const goldenPair = [join(golden, "llm.gguf"), join(golden, "mmproj-f32.gguf")] as const;
const PLAIN =
  "{% for m in messages %}{% for p in m.content %}{% if p.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ p.text }}{% endif %}{% endfor %}{% endfor %}";

interface Given {
  readonly source: string;
  /** What is shown; a photo by default. */
  readonly image?: string;
  readonly options?: LoadVlmOptions;
  /** The same on the command line. */
  readonly args: readonly string[];
  readonly code: VqraeError["code"];
  /** What the message names, in order: the file, and the mend. */
  readonly says: RegExp;
}

/** A folder with a language model of width 64 and an mmproj for it. */
async function pair() {
  const folder = await temporaryFolder();
  const { path: llm } = await writeTinyLlm(join(folder, "model.gguf"), "qwen3");
  const mmproj = join(folder, "mmproj-f16.gguf");
  await writeTinyMmproj(mmproj);
  return { folder, llm, mmproj };
}

const two = (llm: string, mmproj: string, more: Omit<Given, "source" | "args">): Given => ({
  source: llm,
  args: ["--llm", llm, "--mmproj", mmproj],
  ...more,
  options: { mmproj, ...more.options },
});

const cases: Readonly<Record<string, () => Promise<Given>>> = {
  async "an mmproj of another width"() {
    const { folder, mmproj } = await pair();
    const { path } = await writeTinyLlm(join(folder, "wide.gguf"), "qwen3", { width: 128 });
    await rewriteGguf(mmproj, join(folder, "mmproj.gguf"), {
      metadata: new Map([["clip.projector_type", ggufValue.string("idefics3")]]),
    });
    const says = /width 64 for the mmproj .*mmproj\.gguf.* of width 128.*take both from one repository/;
    return two(path, join(folder, "mmproj.gguf"), { code: "INCOMPATIBLE", says });
  },
  async "an mmproj of another family"() {
    const { llm } = await pair();
    const says =
      /a language model of qwen2vl for the mmproj .*mmproj-f32\.gguf.*\(qwen3\).*take both from one repository/;
    return two(llm, goldenPair[1], { code: "INCOMPATIBLE", says });
  },
  async "an mmproj in the language model's place"() {
    const { mmproj } = await pair();
    const says = /a language model for .*mmproj-f16\.gguf.*an mmproj file.*Give it as mmproj/;
    return two(mmproj, mmproj, { code: "INVALID_ARGUMENT", says });
  },
  async "a language model in the mmproj's place"() {
    const { llm } = await pair();
    return two(llm, llm, {
      code: "INVALID_ARGUMENT",
      says: /an mmproj file for .*model\.gguf.*a language model \(qwen3\).*mmproj/,
    });
  },
  async "a language model of text alone"() {
    const { llm, mmproj } = await pair();
    await rm(mmproj);
    const says = /a vision language model for .*model\.gguf.*text alone.*Name the mmproj/;
    return { source: llm, args: ["--llm", llm], code: "INVALID_ARGUMENT", says };
  },
  async "a model with a part missing"() {
    const { folder, llm } = await pair();
    await rename(llm, join(folder, "big-00001-of-00002.gguf"));
    const says = /all 2 parts for .*big-00001-of-00002.*big-00002-of-00002\.gguf.*Download this part too/;
    return { source: folder, args: ["--vlm", folder], code: "CHECKPOINT_NOT_FOUND", says };
  },
  async "a template for tools only"() {
    const [llm, mmproj] = goldenPair;
    const tools = join(await temporaryFolder(), "tools.gguf");
    await rewriteGguf(llm, tools, {
      metadata: new Map([["tokenizer.chat_template.tool_use", ggufValue.string("{{ tools }}")]]),
      without: (name) => name === "tokenizer.chat_template",
    });
    return two(tools, mmproj, {
      code: "UNSUPPORTED",
      says: /a chat template for conversations for .*tools\.gguf.*chatTemplate/,
    });
  },
  async "a language model that breaks off"() {
    const { folder, llm, mmproj } = await pair();
    const half = join(folder, "half.gguf");
    await copyFile(llm, half);
    await truncate(half, Math.floor((await stat(llm)).size / 2));
    return two(half, mmproj, { code: "INVALID_GGUF", says: /half\.gguf.*download it again/ });
  },
  async "an mmproj that breaks off"() {
    const { llm, mmproj } = await pair();
    await truncate(mmproj, (await stat(mmproj)).size - 1000);
    return two(llm, mmproj, { code: "INVALID_GGUF", says: /mmproj-f16\.gguf.*download it again/ });
  },
  async "an image larger than the context"() {
    const [llm, mmproj] = goldenPair;
    const image = join(await temporaryFolder(), "large.png");
    await writeFile(image, await encodePng(picture(560, 560)));
    // llama.cpp makes 64 tokens 256.
    const says =
      /an image of at most 254 tokens for a context of 256 .*one of \d+.*larger contextSize, or make the image smaller/;
    const { args, ...given } = two(llm, mmproj, { code: "CONTEXT_OVERFLOW", says });
    const more = ["--context-size", "64", "--chat-template", PLAIN];
    const options = { ...given.options, contextSize: 64, chatTemplate: PLAIN };
    return { ...given, image, args: [...args, ...more], options };
  },
  async "a download with a wrong checksum"() {
    const repo = "someone/Tiny-GGUF";
    const [llm, other] = [randomBytes(1000), randomBytes(1000)];
    const { hub } = await startHubAndCache(repo, {
      "Tiny-Q8_0.gguf": { content: llm, lfs: true },
      "mmproj-Tiny-f16.gguf": { content: randomBytes(10), lfs: true },
    });
    hub.interfere = ({ url, headers }, response) => {
      if (url !== "/storage/Tiny-Q8_0.gguf" || headers.range === "bytes=0-0") return false;
      response.writeHead(200, { "content-length": other.length }).end(other);
      return true;
    };
    const says = new RegExp(`${sha256(llm)}.*Tiny-Q8_0\\.gguf.*${sha256(other)}`);
    return { source: `hf:${repo}`, args: ["--vlm", `hf:${repo}`], code: "INVALID_CHECKPOINT", says };
  },
};

describe.each(Object.entries(cases))("%s", (_, given) => {
  test("through loadVlm", async () => {
    const { source, options, image = photo, code, says } = await given();
    const asked = async () => {
      const vlm = await loadVlm(source, { gpu: false, threads: 1, ...options });
      await vlm.ask(image, "what?").finally(() => vlm.dispose());
    };
    const error = await asked().catch((error: unknown) => error);
    expect(error).toMatchObject({ name: "VqraeError", code, message: expect.stringMatching(says) });
  });

  test("through the command line", async () => {
    const { args, image = photo, code, says } = await given();
    const error = await run(["ask", image, "what?", ...args, "--gpu", "off"]).catch((error: unknown) => error);
    expect(error).toMatchObject({ name: "VqraeError", code, message: expect.stringMatching(says) });
  });
});
