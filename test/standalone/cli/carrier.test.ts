import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCarrier } from "../../../adapters/llama-cpp/carrier/index.ts";
import { writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { inFolder, runCli } from "./run-cli.ts";

test("writes a carrier for a language model and says how to serve it", () =>
  inFolder(async (folder) => {
    const [llm, out] = [join(folder, "llm.gguf"), join(folder, "carrier.gguf")];
    await writeTinyLlm(llm, "qwen3");
    const { code, stdout, stderr } = await runCli("carrier", llm, "--out", out);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`llama-server -m ${llm} --mmproj ${out}`);
    expect(await readCarrier(out)).toEqual({ embeddingDim: 64, range: 64 });
    const json = await runCli("carrier", llm, "--out", out, "--range", "256", "--json");
    expect(JSON.parse(json.stdout)).toEqual({ out, embeddingDim: 64, range: 256, bytes: expect.any(Number) });
  }));

test("bad input is named, and no file is left", () =>
  inFolder(async (folder) => {
    const llm = join(folder, "llm.gguf");
    await writeTinyLlm(llm, "qwen2vl");
    const out = join(folder, "carrier.gguf");
    const bad: [args: string[], message: RegExp][] = [
      [[llm, "--out", out], /one position a token .* qwen2vl/],
      [[join(folder, "no.gguf"), "--out", out], /readable file/],
      [[llm, "--out", llm], /another file than the input/],
      [[llm, "--out", join(folder, "carrier.bin")], /ending in \.gguf/],
      [[llm, "--out", out, "--range", "many"], /a number for --range .* "many"/],
      [[], /<llm>/],
    ];
    for (const [args, message] of bad) {
      const { code, stderr } = await runCli("carrier", ...args);
      expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    }
    expect(await readdir(folder)).toEqual(["llm.gguf"]);
  }));
