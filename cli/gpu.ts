import { expected } from "../sdk/kit.ts";

const GPUS = ["auto", "cuda", "vulkan", "metal", "off"] as const;
type Gpu = (typeof GPUS)[number];

export const gpuArg = {
  type: "string",
  default: "auto",
  valueHint: GPUS.join("|"),
  description: "Where llama.cpp runs the language model",
} as const;

/** Reads the value of --gpu. @throws INVALID_ARGUMENT */
export function gpuOf(value: string): Exclude<Gpu, "off"> | false {
  const found = GPUS.find((gpu) => gpu === value);
  if (found === undefined) throw expected("INVALID_ARGUMENT", `one of ${GPUS.join(", ")}`, "--gpu", value);
  return found === "off" ? false : found;
}
