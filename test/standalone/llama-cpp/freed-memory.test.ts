import { readFileSync } from "node:fs";
import koffi from "koffi";
import { expect, test, vi } from "vitest";
import { returnFreedMemory } from "../../../adapters/llama-cpp/native/freed-memory.ts";

const isGlibc =
  process.platform === "linux" &&
  Object.hasOwn((process.report.getReport() as { header: object }).header, "glibcVersionRuntime");

/** Of the heap and the mapped memory that no file is behind, as it lies in memory. */
const anonymousMb = () => Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1000;

test.runIf(isGlibc)("gives memory back that is free between what is in use", async () => {
  const library = koffi.load(null);
  const [malloc, free] = [library.func("void* malloc(size_t)"), library.func("void free(void*)")];
  const [count, bytes] = [4000, 64_000]; // below the size from which each block is mapped by itself
  const blocks = Array.from({ length: count }, () => {
    const block = malloc(bytes);
    koffi.encode(block, koffi.array("uint8", bytes), new Uint8Array(bytes).fill(1));
    return block;
  });
  const [kept, ...freed] = blocks.reverse(); // the last one holds the end of the heap
  for (const block of freed) free(block);
  const before = anonymousMb();
  await returnFreedMemory();
  expect(before - anonymousMb()).toBeGreaterThan(150);
  free(kept);
});

test("does no harm where there is nothing to give back", async () => {
  await expect(Promise.all([returnFreedMemory(), returnFreedMemory()])).resolves.toEqual([undefined, undefined]);
});

test("does nothing without koffi: a text model is disposed where it is not installed", async () => {
  vi.resetModules();
  vi.doMock("koffi", () => {
    throw new Error("not installed");
  });
  try {
    const { returnFreedMemory: without } = await import("../../../adapters/llama-cpp/native/freed-memory.ts");
    const { loadKoffi } = await import("../../../adapters/llama-cpp/native/koffi.ts");
    await expect(loadKoffi()).rejects.toMatchObject({ code: "MISSING_DEPENDENCY" });
    await expect(without()).resolves.toBeUndefined();
  } finally {
    vi.doUnmock("koffi");
  }
});
