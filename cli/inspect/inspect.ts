import { type TensorRef, VqraeError } from "../../sdk/index.ts";
import {
  type CheckpointTensor,
  describeNonFinite,
  findCheckpoint,
  isBlockDtype,
  isFile,
  isGgufPath,
  isPackagedCheckpoint,
  isStridedWeight,
  isTorchPath,
  isWeightDtype,
  modelOf,
  type NonFiniteTensor,
  nonFiniteTensors,
  openCheckpoint,
  openSafetensors,
  openTorchFile,
} from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { flag, optionalArgument } from "../command/option.ts";
import { json, model } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { describeModel, type ModelDescription, modelLines } from "./model-summary.ts";
import { summarizeTensors, type TensorsSummary, tensorLines } from "./tensor-table.ts";

export const inspect = defineCommand({
  arguments: {
    path: optionalArgument(
      "A checkpoint folder, an mmproj .gguf or a file of weights (.safetensors, .pt, .pth, .ckpt, .bin). Without it, what --model is",
    ),
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
    const isWeightsFile = !isPackagedCheckpoint(source) && !isGgufPath(source) && (await isFile(source));
    const { stored, ...inspection } = isWeightsFile ? await readFile(source) : await readCheckpoint(source);
    const found = weights ? { ...inspection, nonFinite: await nonFiniteTensors(floatsOf(stored)) } : inspection;
    printResult(json, found, () => linesOf(found));
  },
});

/** What `--json` prints. */
interface Inspection {
  readonly path: string;
  /** null for a file that no family knows. */
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
  const { file, metadata, tensors } = isTorchPath(path)
    ? { metadata: {}, ...(await openTorchFile(path)) }
    : await openSafetensors(path);
  const stored = [...tensors.values()];
  return { path: file, checkpoint: await recognised(path), metadata, weights: summarizeTensors(stored), stored };
}

/** What a file of weights is; null where no family knows it. */
async function recognised(path: string): Promise<ModelDescription | null> {
  try {
    return describeModel(await modelOf(await openCheckpoint(path)));
  } catch (error) {
    if (VqraeError.isInstance(error) && error.code === "INVALID_CHECKPOINT") return null;
    throw error;
  }
}

async function readCheckpoint(source: string): Promise<Opened> {
  const checkpoint = await openCheckpoint(await findCheckpoint(source));
  const stored = [...(await checkpoint.tensors()).values()];
  const { path } = checkpoint;
  return { path, checkpoint: describeModel(await modelOf(checkpoint)), weights: summarizeTensors(stored), stored };
}

const floatsOf = (stored: readonly CheckpointTensor[]): TensorRef[] =>
  stored.flatMap(({ dtype, ...tensor }) =>
    isWeightDtype(dtype) || isBlockDtype(dtype) || isStridedWeight(dtype) ? [{ ...tensor, dtype }] : [],
  );

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
