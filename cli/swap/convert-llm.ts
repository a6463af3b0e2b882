import { convertLlm } from "../../adapters/gguf/index.ts";
import { setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, option } from "../command/option.ts";
import { oneOf, text, type ValueType } from "../command/value-types.ts";
import { json, verbose } from "../shared/model-options.ts";
import { checkOutput } from "../shared/output-file.ts";
import { printResult } from "../shared/print-result.ts";
import { withProgress } from "../shared/progress.ts";
import { Pace } from "../shared/pull-progress.ts";

type Dtype = "auto" | "F32" | "F16" | "BF16" | "Q8_0";
const names = oneOf("F32", "F16", "BF16", "Q8_0");
const dtypes: ValueType<Dtype> = {
  hint: "auto|f32|f16|bf16|q8_0",
  read: (given, name) => (given === "auto" ? given : names.read(given.toUpperCase(), name)),
};

export const convert = defineCommand({
  arguments: { folder: argument("A Hugging Face folder: config.json, safetensors, a tokenizer") },
  options: {
    out: option(text("file.gguf"), "The file to write", { default: "model.gguf" }),
    dtype: option(dtypes, "The type of the matrices; auto is the checkpoint's own 16 bits", { default: "auto" }),
    preTokenizer: option(text("name"), "llama.cpp's name of the pre-tokenizer, if it does not know it by itself"),
    name: option(text("name"), "The model's name in the file", { shownDefault: "from the folder's name" }),
    json,
    verbose,
  },
  notes: [
    "Llama, Mistral, Qwen2, Qwen3, Gemma 3, LFM2, and the language models inside LLaVA, Pixtral, SmolVLM, Idefics3, Gemma 3,",
    "LFM2-VL and Qwen-VL folders.",
  ],
  examples: ["vqrae convert-llm ./Qwen3-VL-2B-Instruct --out model.gguf --dtype q8_0"],
  async run({ folder, out, dtype, preTokenizer, name, json, verbose }) {
    await checkOutput(out, [".gguf"]);
    const made = await withProgress({ verbose }, (progress) => {
      const pace = new Pace(progress);
      const onProgress = (done: number, total: number) => pace.show(out, done, total);
      return convertLlm(folder, out, { ...setFields({ dtype, preTokenizer, name }), onProgress });
    });
    printResult(json, made, () => [
      `${out}: ${made.architecture}, ${made.dtype}, ${made.tensors} tensors, ${(made.parameters / 1e6).toFixed(1)} M numbers`,
    ]);
  },
});
