import { stat } from "node:fs/promises";
import {
  checkSwap,
  type Mismatch,
  type SwapOptions,
  type SwapReport,
  showFact,
  swapVit,
} from "../../adapters/vit-swap/index.ts";
import { expected } from "../../sdk/kit.ts";
import { cliCommand, sharedArgs } from "../command/command.ts";

export const swap = cliCommand({
  name: "swap",
  description: "Put an encoder into an existing vision language model",
  args: {
    vlm: { type: "positional", required: true, description: "An mmproj GGUF, or a folder with a projector" },
    out: {
      type: "string",
      valueHint: "path",
      description: "What to write: a .gguf file, or for a checkpoint a new folder",
    },
    ...sharedArgs,
    check: { type: "boolean", description: "Compare only, and write nothing" },
    allow: {
      type: "string",
      valueHint: "fact,...",
      description: "Differences to write all the same, such as depth,dtype",
    },
    layer: { type: "string", valueHint: "block", description: "The block that the projector reads, from 1 or from -1" },
    float: { type: "string", valueHint: "f32|f16", description: "mmproj: type of the large tensors" },
    type: { type: "string", valueHint: "mlp|internvl|...", description: "New mmproj: its projector type" },
    "llama-cpp": {
      type: "string",
      valueHint: "version",
      description: "mmproj: the llama.cpp it is for (default v0.5.0), or class-first, class-last",
    },
    "in-place": { type: "boolean", description: "Replace the mmproj itself; instead of --out" },
  },
  examples: [
    "vqrae swap mmproj.gguf --model ./my-encoder --check            # what differs?",
    "vqrae swap mmproj.gguf --model ./my-encoder --out mmproj-vqrae.gguf",
    "vqrae swap ./InternVL3-1B --model ./my-encoder --out mmproj-vqrae.gguf   # a whole mmproj",
    "vqrae swap ./llava-1.5-7b-hf --model ./my-encoder --out ./llava-vqrae    # a checkpoint for transformers",
  ],
  async run({ vlm, model, json, check, ...args }) {
    const options = swapOptions(args);
    const out = await outputOf(vlm, args.out, options.inPlace ?? false, check ?? false);
    const report = await (check ? checkSwap : swapVit)(vlm, model, out, options);
    if (json) process.stdout.write(`${JSON.stringify({ ...report, out: check ? null : out })}\n`);
    else process.stdout.write(`${linesOf(report, check ? null : out).join("\n")}\n`);
    if (check && report.refused.length > 0) process.exitCode = 1;
  },
});

interface SwapArgs {
  readonly allow?: string | undefined;
  readonly layer?: string | undefined;
  readonly float?: string | undefined;
  readonly type?: string | undefined;
  readonly "llama-cpp"?: string | undefined;
  readonly "in-place"?: boolean | undefined;
}

/** The values are checked where they are used. */
function swapOptions({ allow, layer, float, type, "llama-cpp": llamaCpp, "in-place": inPlace }: SwapArgs): SwapOptions {
  const given = {
    allow: allow?.split(",").filter(Boolean),
    layer: layer === undefined ? undefined : Number(layer),
    float: float?.toUpperCase(),
    type,
    llamaCpp,
    inPlace,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SwapOptions;
}

/** A check of an mmproj, and a swap in place, need no output. */
async function outputOf(vlm: string, out: string | undefined, inPlace: boolean, check: boolean): Promise<string> {
  if (inPlace && out === undefined) return vlm;
  if (inPlace) throw expected("INVALID_ARGUMENT", "--out or --in-place", "vqrae swap", "both");
  if (out !== undefined) return out;
  if (!check) throw expected("INVALID_ARGUMENT", "--out <path>", "vqrae swap", undefined);
  const isFolder = (await stat(vlm).catch(() => null))?.isDirectory() ?? false;
  return isFolder ? `${vlm.replace(/[\\/]+$/, "")}-swapped` : `${vlm}.swapped.gguf`;
}

function linesOf(report: SwapReport, out: string | null): string[] {
  const { kind, encoder, projectorType, layers, finalNorm, dtype, mismatches, refused, words } = report;
  const type = projectorType === null ? "" : `, projector type ${projectorType}`;
  const features = `features of block ${layers.join(", ")}${finalNorm ? " through the final norm" : ""}`;
  return [
    `${out ?? `checked (${kind})`}: the encoder of ${encoder}, ${features}, ${dtype}${type}`,
    ...mismatches.map((mismatch) => mismatchLine(mismatch, refused.includes(mismatch))),
    ...(words === null
      ? []
      : [
          `  llama.cpp puts ${words.runtime.join("...")} around an image, the model expects ${words.model.join("...")}`,
        ]),
    ...(out === null ? [refused.length === 0 ? "  fits" : `  does not fit: ${refused.length} differences`] : []),
  ];
}

function mismatchLine({ fact, name, wanted, given, allowable }: Mismatch, isRefused: boolean): string {
  const verdict = isRefused ? (allowable ? `refused unless --allow ${fact}` : "refused") : "allowed";
  return `  ${name}: ${showFact(wanted)} in the model, ${showFact(given)} in the encoder (${verdict})`;
}
