import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import { ggufValue, writeGguf } from "../../../adapters/gguf/index.ts";
import { openSafetensors, readGguf, readJsonObject } from "../../../sdk/kit.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

const MB = 1024 * 1024;
/** Longest time in which nothing else ran. */
async function stall(work: () => Promise<unknown>): Promise<{ ms: number; whole: number; outcome: unknown }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  const outcome = await work().catch((error: unknown) => error);
  const whole = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  return { ms: delay.max / 1e6, whole, outcome };
}

/** A file that says it has a header, and has it. */
async function withHeader(json: string): Promise<string> {
  const path = join(await temporaryFolder(), "model.safetensors");
  const bytes = Buffer.alloc(8 + json.length);
  bytes.writeBigUInt64LE(BigInt(json.length));
  bytes.write(json, 8, "latin1");
  await writeFile(path, bytes);
  return path;
}

const headers: Readonly<Record<string, () => string>> = {
  "brackets alone": () => "[".repeat(31 * MB),
  "objects in objects": () => '{"a":'.repeat(6 * MB),
  "short keys": () => `{${'"a":1,'.repeat(5 * MB)}"b":2}`,
  "a long text": () => `{"a":"${"x".repeat(31 * MB)}"}`,
  "empty lists": () => `{"a":[${"[],".repeat(10 * MB)}[]]}`,
  "99 MB": () => `{"a":"${"x".repeat(99_000_000)}"}`,
};

describe("a header of 33 MB and more", () => {
  it.each(Object.entries(headers))(
    "of %s is refused, and blocks nothing",
    async (_, make) => {
      const path = await withHeader(make());
      const { ms, outcome } = await stall(() => openSafetensors(path));
      expect(outcome).toMatchObject({ code: "INVALID_CHECKPOINT" });
      expect(ms).toBeLessThan(2000); // 43 s before; some 50 ms where nothing else runs
    },
    60_000,
  );

  it("of a config is refused, and blocks nothing", async () => {
    const path = join(await temporaryFolder(), "config.json");
    await writeFile(path, `{"a":${"[".repeat(31 * MB)}`);
    const { ms, outcome } = await stall(() => readJsonObject(path, "INVALID_CONFIG"));
    expect(outcome).toMatchObject({ code: "INVALID_CONFIG" });
    expect(ms).toBeLessThan(2000);
  }, 60_000);
});

it("a vocabulary of 152,000 pieces with its merges is read without blocking", async () => {
  const path = join(await temporaryFolder(), "vocabulary.gguf");
  const words = Array.from({ length: 152_000 }, (_, i) => `word${i}`);
  const merges = words.map((word, i) => `${word} ${i}`);
  const metadata = [
    ["tokenizer.ggml.tokens", ggufValue.strings(words)],
    ["tokenizer.ggml.token_type", ggufValue.int32s(words.map(() => 1))],
    ["tokenizer.ggml.merges", ggufValue.strings(merges)],
  ] as const;
  await writeGguf(path, metadata, []);
  const { ms, whole, outcome } = await stall(() => readGguf(path));
  expect(outcome).toMatchObject({ version: 3 });
  // As long as the whole before; some 30 ms where nothing else runs.
  expect(ms).toBeLessThan(whole / 2);
}, 60_000);
