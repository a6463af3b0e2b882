import { getLlamaGpuTypes } from "node-llama-cpp";
import { expect, test } from "vitest";
import { openLlama } from "../../../adapters/llama-cpp/native/open-llama.ts";
import { requireNode } from "../../../adapters/llama-cpp/native/runtime.ts";
import { failure } from "../checkpoint/temporary.ts";

const supported = await getLlamaGpuTypes("supported");

test.each(["cuda", "vulkan", "metal"] as const)("%s that is not there is named, with what it needs", async (gpu) => {
  if (supported.includes(gpu)) {
    const llama = await openLlama(gpu);
    expect(llama.gpu).toBe(gpu);
    await llama.dispose();
    return;
  }
  const { code, message } = await failure(openLlama(gpu));
  expect(code).toBe("MISSING_DEPENDENCY");
  const parts = { cuda: /CUDA \(NVIDIA's driver/, vulkan: /Vulkan \(a GPU's Vulkan driver/, metal: /Metal \(a Mac/ };
  expect(message).toMatch(parts[gpu]);
  expect(message).toMatch(/Use gpu "auto"/);
});

test("runtimes that lack Node's functions, and Nodes before 22.12, are refused by name", () => {
  expect(() => requireNode({ node: "22.12.0" })).not.toThrow();
  expect(() => requireNode({ node: "26.0.0" })).not.toThrow();
  const cases = [
    [{ node: "20.20.2" }, /Node 22\.12 or newer for llama\.cpp in this process but received Node 20\.20\.2/],
    [{ node: "22.11.0" }, /received Node 22\.11\.0/],
    [{ node: "26.3.0", bun: "1.4.5" }, /Expected Node .* received Bun 1\.4\.5, which lacks .* llama-server/],
    [{ node: "26.3.0", deno: "2.9.6" }, /Expected Node .* received Deno 2\.9\.6/],
  ] as const;
  for (const [versions, message] of cases) expect(() => requireNode(versions)).toThrow(message);
});
