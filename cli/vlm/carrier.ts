import { stat } from "node:fs/promises";
import { carrierFor, writeCarrier } from "../../adapters/llama-cpp/carrier/index.ts";
import { defineCommand } from "../command/command.ts";
import { argument, option } from "../command/option.ts";
import { number, text } from "../command/value-types.ts";
import { json } from "../shared/model-options.ts";
import { checkOutput } from "../shared/output-file.ts";
import { printResult } from "../shared/print-result.ts";

export const carrier = defineCommand({
  arguments: { llm: argument("The GGUF of the language model that you want to serve") },
  options: {
    out: option(text("file.gguf"), "The file to write", { default: "mmproj-carrier.gguf" }),
    range: option(number("number"), "Embeddings lie between -range and range. A power of two", { default: 64 }),
    json,
  },
  examples: [
    "vqrae carrier model.gguf",
    "llama-server -m model.gguf --mmproj mmproj-carrier.gguf",
    "vqrae carrier model.gguf --range 256 --out mmproj-wide.gguf",
  ],
  async run({ llm, out, range, json }) {
    await checkOutput(out, [".gguf"], [llm]);
    const found = await carrierFor(llm, range);
    await writeCarrier(out, found);
    const { size: bytes } = await stat(out);
    printResult(json, { out, ...found, bytes }, () => [
      `${out}: embeddings of ${found.embeddingDim}, from -${range} to ${range}, ${(bytes / 1e6).toFixed(1)} MB`,
      `llama-server -m ${llm} --mmproj ${out}`,
    ]);
  },
});
