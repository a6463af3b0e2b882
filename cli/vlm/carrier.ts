import { stat } from "node:fs/promises";
import { carrierFor, writeCarrier } from "../../adapters/llama-cpp/carrier/index.ts";
import { expected } from "../../sdk/kit.ts";
import { cliCommand, jsonArg } from "../command/command.ts";
import { checkOutput } from "../shared/output-file.ts";

export const carrier = cliCommand({
  name: "carrier",
  description: "Write the mmproj through which llama-server takes image embeddings",
  args: {
    llm: { type: "positional", required: true, description: "The GGUF of the language model that will be served" },
    out: {
      type: "string",
      default: "mmproj-carrier.gguf",
      valueHint: "mmproj.gguf",
      description: "The file to write (default mmproj-carrier.gguf)",
    },
    range: {
      type: "string",
      default: "64",
      valueHint: "number",
      description: "Embeddings lie between -range and range, a power of two (default 64)",
    },
    json: jsonArg,
  },
  examples: [
    "vqrae carrier model.gguf",
    "llama-server -m model.gguf --mmproj mmproj-carrier.gguf",
    "vqrae carrier model.gguf --range 256 --out mmproj-wide.gguf",
  ],
  async run({ llm, out, range: given, json }) {
    await checkOutput(out, [".gguf"], [llm]);
    const range = Number(given);
    if (!Number.isFinite(range)) throw expected("INVALID_ARGUMENT", "a number", "--range", given);
    const found = await carrierFor(llm, range);
    await writeCarrier(out, found);
    const { size: bytes } = await stat(out);
    if (json) process.stdout.write(`${JSON.stringify({ out, ...found, bytes })}\n`);
    else {
      const size = `${(bytes / 1e6).toFixed(1)} MB`;
      process.stdout.write(`${out}: embeddings of ${found.embeddingDim}, from -${range} to ${range}, ${size}\n`);
      process.stdout.write(`llama-server -m ${llm} --mmproj ${out}\n`);
    }
  },
});
