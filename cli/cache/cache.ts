import { resolve } from "node:path";
import { convertedModels } from "../../adapters/llama-cpp/index.ts";
import { defaultCacheFolder, type MadeFile, madeWeights, removeMade } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { flag, option } from "../command/option.ts";
import { wholeNumber } from "../command/value-types.ts";
import { cacheDir, json } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { inBytes } from "../shared/pull-progress.ts";

const DAY_MS = 86_400_000;

export const cache = defineCommand({
  arguments: {},
  options: {
    clear: flag("Remove the files. They are made again when they are needed"),
    unusedFor: option(wholeNumber("days", { least: 1 }), "Only files that nothing has read for so many days"),
    cacheDir,
    json,
  },
  notes: [
    "It holds int8 weights, the floats of quantized mmproj files and of large models of 16 bits, and language models that were " +
      "converted to GGUF. Weights that were unused the longest go when they take more than 32 GB.",
    "Models of the Hugging Face hub lie in its own cache: `hf cache ls` and `hf cache rm` look after it.",
  ],
  examples: ["vqrae cache", "vqrae cache --clear", "vqrae cache --clear --unused-for 30"],
  async run({ clear, unusedFor, cacheDir, json }) {
    const folder = resolve(cacheDir ?? defaultCacheFolder());
    const [weights, models] = await Promise.all([madeWeights(folder), convertedModels(folder)]);
    const before = unusedFor === undefined ? Number.POSITIVE_INFINITY : Date.now() - unusedFor * DAY_MS;
    const files = [
      ...models.map((one) => ({ kind: "language model", ...one })),
      ...weights.map((one) => ({ kind: "weights", ...one })),
    ].filter(({ used }) => used.getTime() < before);
    const kept: string[] = [];
    for (const one of clear ? files : []) if (!(await removeMade(one))) kept.push(one.file);
    const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
    const shown = files.map(({ kind, file, bytes, used }) => ({ kind, file, bytes, used: used.toISOString() }));
    printResult(json, { folder, bytes, cleared: clear, kept, files: shown }, () => [
      ...files.map(line),
      `${folder}: ${summary(files.length, bytes, clear)}`,
      ...kept.map((file) => `${file} is in use and stays`),
    ]);
  },
});

function summary(count: number, bytes: number, clear: boolean): string {
  if (count === 0) return "nothing";
  return `${count} ${count === 1 ? "file" : "files"}, ${inBytes(bytes)}${clear ? ", removed" : ""}`;
}

const line = ({ kind, file, bytes, used }: MadeFile & { readonly kind: string }): string =>
  `${inBytes(bytes).padStart(9)}  ${used.toISOString().slice(0, 10)}  ${kind}  ${file}`;
