import module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Node keeps what it compiles from here on, in this process and in those that it starts, for the next time: node-llama-cpp
 * has 600 files. The folder is Node's own default; NODE_COMPILE_CACHE names another one, NODE_DISABLE_COMPILE_CACHE=1 keeps nothing.
 */
export function keepCompiledCode(): void {
  process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), "node-compile-cache");
  module.enableCompileCache?.(); // Bun has none
}
