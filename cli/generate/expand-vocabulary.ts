import { type ExpandOptions, expandVocabulary as expand } from "../../adapters/generation/index.ts";
import type { Decoder } from "../../sdk/index.ts";
import { expectedBut, setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, option } from "../command/option.ts";
import { oneOf, text } from "../command/value-types.ts";
import { json, model } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";
import { samplingFields, samplingOptions } from "./sampling-options.ts";

export const expandVocabulary = defineCommand({
  arguments: {
    source: argument("The language model: a GGUF file, or the folder of a Hugging Face checkpoint"),
    target: argument("The file or the folder to write"),
  },
  options: {
    rows: option(
      oneOf("mean", "codebook"),
      "What the new rows are: the mean of the others, or the tokenizer's codes around that mean",
      { default: "mean" },
    ),
    promptFormat: option(text("text"), "The text before an image. {prompt} stands for the prompt"),
    promptCase: option(
      oneOf("as-written", "sentence"),
      "How prompts are read: sentence is small letters behind the first",
      {
        default: "as-written",
      },
    ),
    ...samplingOptions,
    model,
    json,
  },
  notes: [
    "The new model keeps --guidance, --temperature, --top-k and --top-p as its own defaults. `vqrae generate` uses them.",
  ],
  examples: [
    "vqrae expand-vocabulary qwen3-0.6b-f16.gguf expanded.gguf",
    "vqrae expand-vocabulary ./Qwen3-0.6B ./expanded \\",
    "  --rows codebook --model ./my-tokenizer",
  ],
  async run({ source, target, rows, promptFormat, promptCase, json, ...args }) {
    const sampling = samplingFields(args);
    const vocabulary = await withTokenizer(args, async (tokenizer) => {
      const options = await tokenizerFields(tokenizer, rows === "codebook");
      return expand(source, target, { ...options, sampling, promptCase, ...setFields({ promptFormat }) });
    });
    const { firstToken, codebookSize, boiToken } = vocabulary;
    const last = firstToken + codebookSize - 1;
    printResult(json, { out: target, ...vocabulary }, () => [
      `${target}: ${codebookSize} visual tokens from ${firstToken} to ${last}, begin-of-image ${boiToken}`,
    ]);
  },
});

async function tokenizerFields(tokenizer: Decoder, withCodes: boolean): Promise<ExpandOptions> {
  const { codebook, grid, modelId } = tokenizer.info;
  if (codebook === null || grid === null || codebook.codesPerToken !== 1 || codebook.scales) {
    throw expectedBut("UNSUPPORTED", "a tokenizer with a codebook, one code a token and one grid", "--model", modelId);
  }
  const options = { codebookSize: codebook.size, grid, tokenizer: modelId };
  if (!withCodes) return options;
  const ids = Int32Array.from({ length: codebook.size }, (_, id) => id);
  return { ...options, rows: { codebook: await tokenizer.codebookVectors(ids) } };
}
