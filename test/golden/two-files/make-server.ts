/**
 * Writes server.json: what a stock llama-server answers with each pair of files beside this one about the square, greedily.
 *
 *     VQRAE_LLAMA_SERVER=$(node scripts/llama-server/build.ts) node test/golden/two-files/make-server.ts
 *
 * Made with llama.cpp v0.5.0, attention exact, the KV cache in its default F16.
 */
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { encodePng } from "../../../sdk/index.ts";
import { families, otherOnServer, square } from "./pictures.ts";

const server = process.env.VQRAE_LLAMA_SERVER;
if (server === undefined) throw new Error("VQRAE_LLAMA_SERVER names no llama-server");
const PORT = 18_517;
const LENGTH = 24;
const url = (path: string) => `http://127.0.0.1:${PORT}${path}`;

async function answer(name: string): Promise<{ tokens: number[]; content: string }> {
  const folder = join(import.meta.dirname, name);
  const { side, prompt } = JSON.parse(await readFile(join(folder, "expected.json"), "utf8"));
  const files = ["-m", join(folder, "llm.gguf"), "--mmproj", join(folder, "mmproj-f32.gguf")];
  const settings = ["-fa", "off", "-c", "1024", "-np", "1", "-t", "1", "--no-warmup", "--port", String(PORT)];
  const child = spawn(String(server), [...files, ...settings], { stdio: "ignore" });
  try {
    const isUp = () =>
      fetch(url("/health")).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isUp())) await setTimeout(100);
    const { media_marker: marker } = JSON.parse(await (await fetch(url("/props"))).text());
    const image = Buffer.from(await encodePng(square(side))).toString("base64");
    const body = {
      prompt: { prompt_string: prompt.replace("<image>", marker), multimodal_data: [image] },
      n_predict: LENGTH,
      temperature: 0,
      return_tokens: true,
      ignore_eos: true,
    };
    const response = await fetch(url("/completion"), { method: "POST", body: JSON.stringify(body) });
    const { tokens, content } = JSON.parse(await response.text());
    return { tokens, content };
  } finally {
    child.kill("SIGKILL");
  }
}

const answers: Record<string, { tokens: number[]; content: string }> = {};
for (const name of families.filter((name) => !otherOnServer.includes(name))) answers[name] = await answer(name);
await writeFile(join(import.meta.dirname, "server.json"), `${JSON.stringify(answers, null, 1)}\n`);
