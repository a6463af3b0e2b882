import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { buildChatPage } from "../../../scripts/build-chat-page.ts";
import { type TinyFiles, writeTinyFiles } from "../../helpers/tiny-endpoint.ts";
import { runCli } from "./run-cli.ts";

let folder: string;
let files: TinyFiles;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-serve-"));
  files = await writeTinyFiles(folder);
  await buildChatPage();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const main = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));
const modelArgs = () => [
  "--llm",
  files.llm,
  "--projector",
  files.projector,
  "--encoder",
  files.encoder,
  "--gpu",
  "off",
];

describe("vqrae serve", { timeout: 180_000 }, () => {
  test("serves the models and the page, says where, and ends with exit code 0 when it is told", async () => {
    const args = [main, "serve", "--json", "--ui", "--port", "0", "--generator", files.generator, ...modelArgs()];
    const env = { ...process.env, NODE_NO_WARNINGS: "1", VQRAE_API_KEY: "secret" };
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const [line] = await once(child.stdout, "data");
    const { url, models } = JSON.parse(String(line));
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(models).toEqual(["tiny-vlm", "tiny-generator", "vqrae-two-layers"]);
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
    const listed = await fetch(`${url}/v1/models`, { headers: { authorization: "Bearer secret" } });
    expect(((await listed.json()) as { data: unknown[] }).data).toHaveLength(3);
    const page = await fetch(url);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
    expect(await page.text()).toContain("vqrae chat");
    for (const name of ["chat.js", "chat.css", "samples/cat.jpg", "icon.svg"]) {
      expect((await fetch(`${url}/${name}`)).status).toBe(200);
    }
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  test("that is open to others without a key says so", async () => {
    const args = [main, "serve", "--json", "--host", "0.0.0.0", "--port", "0", "--generator", "off", ...modelArgs()];
    const env = { ...process.env, NODE_NO_WARNINGS: "1", VQRAE_API_KEY: "" };
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    for await (const text of child.stderr) {
      said += text;
      if (said.includes("\n")) break;
    }
    expect(said).toMatch(/Whoever reaches http:\/\/0\.0\.0\.0:\d+ can use it\. Set VQRAE_API_KEY/);
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  test.each([
    ["--port", "70000", "a whole number from 0 to 65535"],
    ["--parallel", "0", "a whole number from 1 to 64"],
    ["--max-pixels", "many", "--max-pixels"],
    ["--generator", "nowhere.gguf", "nowhere.gguf"],
  ])("%s %s is a user's error", async (option, value, message) => {
    const { code, stdout, stderr } = await runCli("serve", option, value, ...modelArgs());
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(message);
  });
});
