import { bind, loadKoffi, type NativeFunction } from "./koffi.ts";

let trim: NativeFunction | undefined;

/**
 * Gives memory that was freed back to the system. glibc keeps it in an arena for each few threads, and threads of another load take
 * another arena: after dozens of loads most of a process' memory was free in them. Other C libraries keep little, and have no such call.
 */
export async function returnFreedMemory(): Promise<void> {
  if (process.platform !== "linux") return;
  try {
    trim ??= bind((await loadKoffi()).load(null), "malloc_trim", "int", ["size_t"]);
  } catch {
    return; // musl, or no koffi, which text alone does without
  }
  const native = trim;
  await new Promise((resolve) => native.async(0, resolve));
}
