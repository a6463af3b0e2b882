import { type ExpandOptions, expandVocabulary } from "../../adapters/generation/index.ts";
import type { VQRAE } from "../../sdk/index.ts";
import { expected } from "../../sdk/kit.ts";
import { cliCommand, sharedArgs } from "../command/command.ts";
import { numbersOf } from "../command/values.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";

const ROWS = ["mean", "codebook"] as const;

export const expandVocabularyCommand = cliCommand({
  name: "expand-vocabulary",
  description: "Add a tokenizer's visual tokens to a language model, for training on images",
  args: {
    source: { type: "positional", required: true, description: "A GGUF file, or a Hugging Face checkpoint's folder" },
    target: { type: "positional", required: true, description: "The file, or the folder, to write" },
    rows: {
      type: "string",
      default: "mean",
      valueHint: ROWS.join("|"),
      description: "New rows: the mean of the others, or the tokenizer's codes around it",
    },
    "prompt-format": { type: "string", valueHint: "text", description: "What stands before an image, with {prompt}" },
    guidance: { type: "string", valueHint: "scale", description: "The scale to generate with by default" },
    temperature: { type: "string", valueHint: "number", description: "The temperature to generate with by default" },
    "top-k": { type: "string", valueHint: "k", description: "The top-k to generate with by default; 0 is all" },
    "top-p": { type: "string", valueHint: "share", description: "The top-p to generate with by default; 1 is all" },
    ...sharedArgs,
  },
  examples: [
    "vqrae expand-vocabulary qwen3-0.6b-f16.gguf expanded.gguf",
    "vqrae expand-vocabulary ./Qwen3-0.6B ./expanded --rows codebook --model ./my-tokenizer",
  ],
  async run({ source, target, rows, model, json, ...args }) {
    if (!ROWS.some((name) => name === rows)) {
      throw expected("INVALID_ARGUMENT", `one of ${ROWS.join(", ")}`, "--rows", rows);
    }
    const names = { guidance: "guidanceScale", temperature: "temperature", "top-k": "topK", "top-p": "topP" } as const;
    const sampling = numbersOf(args, names);
    const vocabulary = await withTokenizer({ model, verbose: false, load: {} }, async (tokenizer) => {
      const options = { ...(await tokenizerOptions(tokenizer, rows === "codebook")), sampling };
      const promptFormat = args["prompt-format"];
      return expandVocabulary(source, target, promptFormat === undefined ? options : { ...options, promptFormat });
    });
    const { firstToken, codebookSize, boiToken } = vocabulary;
    const last = firstToken + codebookSize - 1;
    const line = `${target}: ${codebookSize} visual tokens from ${firstToken} to ${last}, begin-of-image ${boiToken}`;
    process.stdout.write(json ? `${JSON.stringify({ out: target, ...vocabulary })}\n` : `${line}\n`);
  },
});

async function tokenizerOptions(tokenizer: VQRAE, withCodes: boolean): Promise<ExpandOptions> {
  const { codebook, grid, modelId } = tokenizer.info;
  if (codebook === null || grid === null) {
    throw expected("UNSUPPORTED", "a tokenizer with a codebook and one grid", "--model", modelId);
  }
  const options = { codebookSize: codebook.size, grid, tokenizer: modelId };
  if (!withCodes) return options;
  const ids = Int32Array.from({ length: codebook.size }, (_, id) => id);
  return { ...options, rows: { codebook: await tokenizer.codebookVectors(ids) } };
}
