import { isFile } from "../sdk/checkpoint/files.ts";
import { loadCheckpoint } from "../sdk/checkpoint/load-checkpoint.ts";
import { openSafetensors } from "../sdk/checkpoint/safetensors.ts";
import type { StoredTensor } from "../sdk/checkpoint/safetensors-header.ts";
import { openTensors } from "../sdk/checkpoint/shards.ts";
import { findCheckpoint } from "../sdk/runtime/source.ts";
import { type CheckpointSummary, checkpointLines, summarizeCheckpoint } from "./checkpoint-summary.ts";
import { cliCommand, sharedArgs } from "./command.ts";
import { summarizeTensors, type TensorsSummary, tensorLines } from "./tensor-table.ts";

export const inspect = cliCommand({
  name: "inspect",
  description: "Show what a checkpoint folder or a safetensors file holds",
  args: {
    path: {
      type: "positional",
      required: false,
      description: "A checkpoint folder or a .safetensors file; without it the folder of --model",
    },
    ...sharedArgs,
  },
  examples: [
    "vqrae inspect                                # the model that ships with the package",
    "vqrae inspect ./my-checkpoint",
    "vqrae inspect model.safetensors --json",
  ],
  async run({ path = "", model, json }) {
    const source = path || model;
    const found = source !== "default" && (await isFile(source)) ? await readFile(source) : await readFolder(source);
    process.stdout.write(json ? `${JSON.stringify(found)}\n` : `${linesOf(found).join("\n")}\n`);
  },
});

/** What `--json` prints. */
interface Inspection {
  readonly path: string;
  /** null for a file by itself. */
  readonly checkpoint: CheckpointSummary | null;
  /** The file's own notes; a folder's are left out. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly weights: TensorsSummary;
}

async function readFile(path: string): Promise<Inspection> {
  const { file, metadata, tensors } = await openSafetensors(path);
  return { path: file, checkpoint: null, metadata, weights: summarizeTensors(valuesOf(tensors)) };
}

async function readFolder(source: string): Promise<Inspection> {
  const checkpoint = await loadCheckpoint(await findCheckpoint(source));
  const tensors = await openTensors(checkpoint.folder);
  return {
    path: checkpoint.folder,
    checkpoint: summarizeCheckpoint(checkpoint),
    weights: summarizeTensors(valuesOf(tensors)),
  };
}

const valuesOf = (tensors: ReadonlyMap<string, StoredTensor>): StoredTensor[] => [...tensors.values()];

function linesOf({ path, checkpoint, metadata = {}, weights }: Inspection): string[] {
  const notes = Object.entries(metadata).map(([key, value]) => `  ${key}: ${value}`);
  return [path, ...(checkpoint ? checkpointLines(checkpoint) : []), ...notes, "", ...tensorLines(weights)];
}
