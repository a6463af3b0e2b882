import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { convertLlm } from "../../../adapters/gguf/index.ts";
import { encodePng, readImage } from "../../../sdk/index.ts";
import { runCli } from "../../standalone/cli/run-cli.ts";
import { writeTinyTar } from "../ar-dtok/tiny.ts";
import { imageOf, readExpected } from "../expected.ts";

/** The commands of the guide, by the real command line, on tiny models of the same kind (make_tar.py). */
const main = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));
const root = await mkdtemp(join(tmpdir(), "tar-cli-"));
const llm = join(root, "tar.gguf");
const folder = join(root, "tar");
const photo = join(root, "photo.png");
const plain = ["--gpu", "off"];
const [first] = JSON.parse(await readFile(join(import.meta.dirname, "pictures.json"), "utf8"));

beforeAll(async () => {
  await convertLlm(join(import.meta.dirname, "qwen2"), llm, { dtype: "F32", preTokenizer: "qwen2" });
  await writeTinyTar(folder, { pool_scale: 2 });
  const pictures = readExpected(join(import.meta.dirname, "../ta-tok/expected.safetensors"));
  await writeFile(photo, await encodePng(imageOf(pictures["image.0"]!)));
});
afterAll(() => rm(root, { recursive: true }));

/** Of those fields that are looked at. */
interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
  readonly usage: { readonly prompt_tokens: number };
  readonly data: readonly { readonly b64_json: string }[];
}

describe("Tar on the command line", { timeout: 180_000 }, () => {
  test("ask answers as transformers does", async () => {
    const question = "Describe the image shortly.";
    const parts = ["--llm", llm, "--encoder", folder, "--max-tokens", "12", "--context-size", "256"];
    const { code, stdout, stderr } = await runCli(
      "ask",
      photo,
      question,
      ...parts,
      "--flash-attention",
      "off",
      ...plain,
    );
    expect(stderr).toBe("");
    expect(code).toBe(0);
    // Those tokens of the first answer (answers.json) that a terminal shows.
    expect(stdout).toMatch(/^<I31>.*9\\<I42>.*Yo<I31>\{/s);
  });

  test("generate writes the pixels of the ids that transformers has", async () => {
    const out = join(root, "out.png");
    const parts = ["--llm", llm, "--model", folder, "--temperature", "0", "--seed", "3", "--json"];
    const { code, stdout } = await runCli("generate", first.words, "-o", out, ...parts, ...plain);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).images[0].ids).toEqual(first.ids);
    expect(await readImage(out)).toMatchObject({ width: 16, height: 16 });
  });

  test("reconstruct draws by a seed and says how far it is", async () => {
    const out = join(root, "again.png");
    const drawn = async (seed: string) => {
      const { code, stderr } = await runCli("reconstruct", photo, out, "--model", folder, "--seed", seed, "--verbose");
      expect(code).toBe(0);
      expect(stderr).toContain("step 16 of 16");
      return readFile(out);
    };
    const one = await drawn("1");
    expect(await drawn("1")).toEqual(one);
    expect(await drawn("2")).not.toEqual(one);
  });

  test("serve answers about a picture, draws one, and gives ids and pixels", async () => {
    const models = ["--llm", llm, "--encoder", folder, "--generator", llm, "--context-size", "256", ...plain];
    const args = [main, "serve", "--json", "--port", "0", ...models];
    const env = { ...process.env, NODE_NO_WARNINGS: "1", VQRAE_API_KEY: "" };
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const { url } = JSON.parse(String((await once(child.stdout, "data"))[0]));
    const post = async (path: string, body: object): Promise<Answer> => {
      const answer = await fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      expect(answer.status).toBe(200);
      return (await answer.json()) as Answer;
    };
    const image = `data:image/png;base64,${(await readFile(photo)).toString("base64")}`;
    const content = [
      { type: "image_url", image_url: { url: image } },
      { type: "text", text: "Describe the image shortly." },
    ];
    const chat = { model: "tar", temperature: 0, max_tokens: 12, messages: [{ role: "user", content }] };
    const { choices, usage } = await post("/v1/chat/completions", chat);
    expect(choices[0]!.message.content).toContain("<I31>");
    // 16 ids and the words: Tar's own prompt to the token.
    const [{ prompt }] = JSON.parse(await readFile(join(import.meta.dirname, "answers.json"), "utf8"));
    expect(usage.prompt_tokens).toBe(prompt.length);

    const { data } = await post("/v1/images/generations", { prompt: first.words, n: 1, seed: 1 });
    expect(await readImage(Buffer.from(data[0]!.b64_json, "base64"))).toMatchObject({ width: 16, height: 16 });
    const decoded = await post("/v1/vision/decode", { ids: first.ids });
    expect(decoded.data).toHaveLength(1);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });
});
