import type { TensorRef } from "../../sdk/index.ts";
import {
  type CheckpointTensor,
  describeNonFinite,
  findCheckpoint,
  isBlockDtype,
  isFile,
  isGgufPath,
  isWeightDtype,
  modelOf,
  type NonFiniteTensor,
  nonFiniteTensors,
  openCheckpoint,
  openSafetensors,
} from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { flag, optionalArgument } from "../command/option.ts";
import { json, model } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { describeModel, type ModelDescription, modelLines } from "./model-summary.ts";
import { summarizeTensors, type TensorsSummary, tensorLines } from "./tensor-table.ts";

export const inspect = defineCommand({
  arguments: {
    path: optionalArgument("A checkpoint folder, an mmproj .gguf or a .safetensors file. Without it, what --model is"),
  },
  options: {
    weights: flag("Read all weights and list the tensors that hold NaN or infinity"),
    model,
    json,
  },
  examples: [
    "# the model that ships with the package",
    "vqrae inspect",
    "vqrae inspect ./my-checkpoint",
    "# look for NaN and infinity",
    "vqrae inspect ./my-checkpoint --weights",
    "vqrae inspect mmproj.gguf",
    "vqrae inspect model.safetensors --json",
  ],
  async run({ path, model, weights, json }) {
    const source = path ?? model;
    const isWeightsFile = source !== "default" && !isGgufPath(source) && (await isFile(source));
    const { stored, ...inspection } = isWeightsFile ? await readFile(source) : await readCheckpoint(source);
    const found = weights ? { ...inspection, nonFinite: await nonFiniteTensors(floatsOf(stored)) } : inspection;
    printResult(json, found, () => linesOf(found));
  },
});

/** What `--json` prints. */
interface Inspection {
  readonly path: string;
  /** null for a file by itself. */
  readonly checkpoint: ModelDescription | null;
  /** The file's own notes. A folder has none here. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly weights: TensorsSummary;
  /** With --weights: the tensors of floats that hold NaN or infinity. */
  readonly nonFinite?: readonly NonFiniteTensor[];
}

/** With the tensors, as they are stored. */
type Opened = Inspection & { readonly stored: readonly CheckpointTensor[] };

async function readFile(path: string): Promise<Opened> {
  const { file, metadata, tensors } = await openSafetensors(path);
  const stored = [...tensors.values()];
  return { path: file, checkpoint: null, metadata, weights: summarizeTensors(stored), stored };
}

async function readCheckpoint(source: string): Promise<Opened> {
  const checkpoint = await openCheckpoint(await findCheckpoint(source));
  const stored = [...(await checkpoint.tensors()).values()];
  const { path } = checkpoint;
  return { path, checkpoint: describeModel(await modelOf(checkpoint)), weights: summarizeTensors(stored), stored };
}

const floatsOf = (stored: readonly CheckpointTensor[]): TensorRef[] =>
  stored.flatMap(({ dtype, ...tensor }) => (isWeightDtype(dtype) || isBlockDtype(dtype) ? [{ ...tensor, dtype }] : []));

function linesOf({ path, checkpoint, metadata = {}, weights, nonFinite }: Inspection): string[] {
  const notes = Object.entries(metadata).map(([key, value]) => `  ${key}: ${value}`);
  return [
    path,
    ...(checkpoint ? modelLines(checkpoint) : []),
    ...notes,
    ...nonFiniteLines(nonFinite),
    "",
    ...tensorLines(weights),
  ];
}

function nonFiniteLines(found: Inspection["nonFinite"]): string[] {
  if (!found) return [];
  if (found.length === 0) return ["  all weights are finite"];
  return ["  NOT FINITE", ...found.map((tensor) => `    ${describeNonFinite(tensor)}`)];
}
