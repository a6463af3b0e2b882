import { createHash } from "node:crypto";
import { readGguf, readGgufTensorBytes } from "../../../adapters/gguf/index.ts";

/** The keys that say what a model is, and each tensor's shape, type and bytes. */
export async function contentsOf(path: string) {
  const file = await readGguf(path);
  const keys = [...file.metadata].filter(([key]) => key.startsWith("clip."));
  const tensors: Record<string, unknown> = {};
  for (const [tensor, { shape, type }] of file.tensors) {
    const hash = createHash("sha256").update(await readGgufTensorBytes(file, tensor));
    tensors[tensor] = [shape, type, hash.digest("hex")];
  }
  return { keys: Object.fromEntries(keys), tensors };
}
