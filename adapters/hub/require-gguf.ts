import { expectedBut } from "../../sdk/kit.ts";
import type { PulledGguf, PulledModel } from "./pull-model.ts";

/** @throws INVALID_ARGUMENT for a checkpoint of transformers, whose language model llama.cpp does not run as it is */
export function requireGguf(pulled: PulledModel, name: string): PulledGguf {
  if ("llm" in pulled) return pulled;
  const { folder } = pulled;
  const mend =
    `Its vision part runs as it is, its language model becomes a GGUF file: \`vqrae convert-llm ${folder} --out llm.gguf\`. ` +
    `Then name both: --llm llm.gguf --encoder ${folder}.`;
  throw expectedBut("INVALID_ARGUMENT", "GGUF files", name, `safetensors, in ${folder}`, { mend, path: folder });
}
