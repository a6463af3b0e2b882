import { stat } from "node:fs/promises";
import {
  checkSwap,
  type Mismatch,
  type MmprojTypeName,
  mmprojTypeNames,
  type SwapOptions,
  type SwapReport,
  showFact,
  swapVit,
  towerFacts,
} from "../../adapters/vit-swap/index.ts";
import { setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, flag, option, type Values } from "../command/option.ts";
import { usageError } from "../command/usage-error.ts";
import { number, oneOf, someOf, text, type ValueType } from "../command/value-types.ts";
import { json, modelOption } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";

const floats = oneOf("F32", "F16");
const floatType: ValueType<"F32" | "F16"> = {
  hint: "f32|f16",
  read: (given, name) => floats.read(given.toUpperCase(), name),
};
const projectorType: ValueType<MmprojTypeName> = { ...oneOf(...mmprojTypeNames), hint: "name" };

const options = {
  model: modelOption("The encoder to put in: its checkpoint folder"),
  out: option(text("path"), "What to write: a .gguf file, or a new folder for a checkpoint"),
  check: flag("Compare only. Nothing is written"),
  allow: option(someOf("fact,...", towerFacts), "Differences to accept, such as depth,dtype"),
  layer: option(number("block"), "The block that the projector reads: from 1 at the front, or from -1 at the end"),
  float: option(floatType, "mmproj: the type of the large tensors"),
  type: option(projectorType, "New mmproj: its projector type, such as mlp or internvl"),
  llamaCpp: option(text("version"), "mmproj: the llama.cpp that it is for, or class-first, class-last", {
    shownDefault: "v0.5.0",
  }),
  inPlace: flag("Replace the mmproj itself, without --out"),
  json,
};
type SwapArgs = Values<typeof options>;

export const swap = defineCommand({
  arguments: { vlm: argument("An mmproj GGUF, or a folder with a projector") },
  options,
  notes: ["--check ends with exit code 1 if the encoder does not fit as it is."],
  examples: [
    "# what differs?",
    "vqrae swap mmproj.gguf --model ./my-encoder --check",
    "vqrae swap mmproj.gguf --model ./my-encoder --out mmproj-vqrae.gguf",
    "# a whole mmproj",
    "vqrae swap ./InternVL3-1B --model ./my-encoder --out mmproj-vqrae.gguf",
    "# a checkpoint for transformers",
    "vqrae swap ./llava-1.5-7b-hf --model ./my-encoder --out ./llava-vqrae",
  ],
  async run({ vlm, ...args }, name) {
    const { model, check, json } = args;
    const out = await outputOf(vlm, args, name);
    const report = await (check ? checkSwap : swapVit)(vlm, model, out, swapOptions(args));
    const written = check ? null : out;
    printResult(json, { ...report, out: written }, () => linesOf(report, written));
    if (check && report.refused.length > 0) process.exitCode = 1;
  },
});

const swapOptions = ({ allow, layer, float, type, llamaCpp, inPlace }: SwapArgs): SwapOptions =>
  setFields({ allow, layer, float, type, llamaCpp, inPlace });

/** With --check and with --in-place you need no output. */
async function outputOf(vlm: string, { out, inPlace, check }: SwapArgs, name: string): Promise<string> {
  if (inPlace && out === undefined) return vlm;
  if (inPlace) throw usageError(name, "--out or --in-place", "both");
  if (out !== undefined) return out;
  if (!check) throw usageError(name, "--out <path>", "nothing");
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
    ...(out === null ? [`  ${verdictOf(report)}`] : []),
  ];
}

/** An encoder that differs from an mmproj in the type of its weights alone fits once it may round them. */
function verdictOf({ kind, dtype, refused }: SwapReport): string {
  if (refused.length === 0) return "fits";
  const rounds = kind === "mmproj" && refused.every(({ fact }) => fact === "dtype");
  return rounds ? `fits with --float ${dtype.toLowerCase()}` : `does not fit: ${refused.length} differences`;
}

function mismatchLine({ fact, name, wanted, given, allowable }: Mismatch, isRefused: boolean): string {
  const verdict = isRefused ? (allowable ? `refused unless --allow ${fact}` : "refused") : "allowed";
  return `  ${name}: ${showFact(wanted)} in the model, ${showFact(given)} in the encoder (${verdict})`;
}
