import { getEventListeners } from "node:events";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { expect, test, vi } from "vitest";
import { loadGenerator } from "../../adapters/generation/index.ts";
import { loadVlm } from "../../adapters/llama-cpp/index.ts";

/** What a call leaves behind adds up in a server: listeners on a signal that lives on, and types, which koffi never forgets. */
const photo = fileURLToPath(new URL("../../examples/images/cat.jpg", import.meta.url));
const onCpu = { gpu: false, threads: 1 } as const;
const { signal } = new AbortController();
const listeners = () => getEventListeners(signal, "abort").length;
const made = () =>
  [koffi.array, koffi.struct, koffi.pointer, koffi.proto].map((make) => vi.mocked(make).mock.calls.length);
for (const name of ["array", "struct", "pointer", "proto"] as const) vi.spyOn(koffi, name);

test("answers, streams that are left, and loads", async () => {
  const ask = async () => {
    const vlm = await loadVlm("default", { ...onCpu, signal });
    await vlm.ask(photo, "what is it?", { maxTokens: 2, signal });
    const messages = [{ role: "user" as const, content: "is it a cat?" }];
    for await (const _ of vlm.streamChat(messages, { signal })) break;
    expect(listeners()).toBe(0);
    await vlm.dispose();
  };
  await ask();
  const before = made();
  expect(before[0]).toBeGreaterThan(0);
  await ask();
  expect(made()).toEqual(before);
});

test("images, whole and given up", async () => {
  const generator = await loadGenerator("default", onCpu);
  const draw = async (seed: number) => {
    await generator.generateImages("a red circle", { seed, signal });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    await generator.generateImages("a red circle", { seed, signal: stop.signal }).catch(() => {});
    expect(listeners()).toBe(0);
  };
  await draw(1);
  const before = made();
  await draw(2);
  expect(made()).toEqual(before);
  await generator.dispose();
});
