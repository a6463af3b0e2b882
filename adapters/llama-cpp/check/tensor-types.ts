import type { GgufFile, GgufTensorType } from "../../gguf/index.ts";
import { damaged } from "./metadata.ts";

/** ggml multiplies by none of them: it calls a function that is not there, or ends the process. */
const NO_WEIGHTS: ReadonlySet<GgufTensorType> = new Set(["I8", "I16", "I32", "I64", "F64", "Q8_1", "Q8_K"]);

/** @throws INVALID_GGUF as `checkLlm` */
export function checkTensorTypes({ file, tensors }: GgufFile): void {
  for (const { name, type, shape } of tensors.values()) {
    if (!/\.(weight|bias|scale)$/.test(name)) continue;
    if (shape.includes(0)) throw damaged(file, "a shape without 0", `tensor ${name}`, `[${shape.join(", ")}]`);
    // Norms, biases and factors are added to or multiplied with floats of 32 bits; ggml has no other sum.
    const isVector = shape.filter((size) => size !== 1).length <= 1 && shape.length <= 1;
    if (isVector ? type !== "F32" : NO_WEIGHTS.has(type)) {
      throw damaged(file, isVector ? "F32" : "a type of weights", `the type of tensor ${name}`, type);
    }
  }
}
