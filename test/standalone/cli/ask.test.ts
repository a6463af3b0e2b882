import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runCli, runCliWith } from "./run-cli.ts";

const circle = fileURLToPath(new URL("../../../examples/images/blue-circle.png", import.meta.url));
const PLAIN =
  "{% for m in messages %}{% for p in m.content %}{% if p.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ p.text }}{% endif %}{% endfor %}{% endfor %}";
const shape = "what shape is in the image?";

describe("vqrae ask", { timeout: 60_000 }, () => {
  test("reads an image from standard input", async () => {
    expect(await runCliWith(await readFile(circle), "ask", "-", shape, "--gpu", "off")).toMatchObject({
      code: 0,
      stdout: "circle\n",
      // Who names no model is told which one answers, what it knows and its licence.
      stderr: expect.stringMatching(/^vqrae-tiny-vlm answers: a small model .*licence: research and education/),
    });
  });

  test("ends after --max-tokens, and refuses a temperature below 0", async () => {
    const { stdout } = await runCli("ask", circle, "is it?", "--max-tokens", "1", "--gpu", "off", "--json");
    expect(JSON.parse(stdout).answer.length).toBeLessThan(20);
    const refused = await runCli("ask", circle, "is it?", "--temperature", "-1", "--gpu", "off");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("temperature") });
  });

  test("shows a video's frames, and refuses a film with the way to its frames", async () => {
    const pair = fileURLToPath(new URL("../../golden/two-files/qwen2_5_vl", import.meta.url));
    const model = [
      "--llm",
      join(pair, "llm.gguf"),
      "--mmproj",
      join(pair, "mmproj-f32.gguf"),
      "--chat-template",
      PLAIN,
    ];
    const asked = ["what happens?", ...model, "--gpu", "off", "--max-tokens", "8", "--json"];
    const { code, stdout } = await runCli("ask", "--video", `${circle},${circle}`, "--fps", "1", ...asked);
    expect({ code, ...JSON.parse(stdout) }).toEqual({
      code: 0,
      video: [circle, circle],
      question: "what happens?",
      answer: expect.stringMatching(/./s),
    });
    expect(await runCli("ask", "--video", "film.mp4", ...asked)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("ffmpeg -i film.mp4"),
    });
  });

  test.each([
    [["--mmproj", "mmproj.gguf"], "--llm beside --mmproj"],
    [["--llm", "nothing.gguf", "--mmproj", "mmproj.gguf"], "nothing there"],
    [["--llm", circle], "blue-circle.png"],
    [["--chat-template", "none.jinja", "--flash-attention", "off", "--gpu", "off"], "none.jinja"],
    [["--flash-attention", "fast"], "one of on, off"],
  ])("%j is refused in one line", async (args, message) => {
    const { code, stderr } = await runCli("ask", circle, shape, ...args);
    expect({ code, stderr }).toMatchObject({ code: expect.any(Number), stderr: expect.stringContaining(message) });
    expect(code).toBeGreaterThan(0);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("vqrae chat", { timeout: 60_000 }, () => {
  test("answers every line of a pipe, those that came while the first image was read too", async () => {
    const lines = `${shape}\nis there a circle?\n/new\nhello\n`;
    const { code, stdout } = await runCliWith(lines, "chat", circle, "--gpu", "off");
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(3);
    expect(stdout).toMatch(/^circle\n/);
  });

  test("a pipe that is empty ends it", async () => {
    expect(await runCliWith("", "chat", circle, "--gpu", "off")).toMatchObject({ code: 0, stdout: "" });
  });
});

test("vqrae pull lists models, and says what it takes", async () => {
  const { stdout } = await runCli("pull", "--list");
  expect(stdout).toMatch(/^ggml-org\/SmolVLM-256M-Instruct-GGUF {2}about \d+(\.\d)? MB/);
  expect(await runCli("pull")).toMatchObject({ code: 1, stderr: expect.stringContaining("--list") });
});
