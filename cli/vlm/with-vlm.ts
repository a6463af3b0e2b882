import { type LoadVlmOptions, loadVlm, type Vlm, type VlmSource } from "../../adapters/llama-cpp/index.ts";
import { expected } from "../../sdk/kit.ts";
import { modelArgs, usageErrorMend } from "../command/command.ts";
import { gpuArg, gpuOf, imageLimit, precisionOptions } from "../command/values.ts";
import { Progress } from "../shared/progress.ts";

/** What commands that talk with a vision language model take. */
export const vlmArgs = {
  llm: {
    type: "string",
    valueHint: "file.gguf",
    description: "The language model (default: the small one that ships)",
  },
  projector: {
    type: "string",
    valueHint: "folder",
    description: "The projector trained with it: its own folder or a VLM's checkpoint; goes with --llm",
  },
  gpu: gpuArg,
  ...modelArgs,
} as const;

export interface VlmArgs {
  readonly llm?: string | undefined;
  readonly projector?: string | undefined;
  readonly gpu: string;
  readonly model: string;
  readonly verbose?: boolean | undefined;
  readonly precision?: string | undefined;
  readonly "cache-dir"?: string | undefined;
  readonly "max-pixels"?: string | undefined;
}

/** Loads the model that the arguments name, hands it to `use` and disposes it whatever happens. */
export async function withVlm<T>(
  command: string,
  args: VlmArgs,
  use: (vlm: Vlm) => Promise<T>,
  { sequences = 1 }: Pick<LoadVlmOptions, "sequences"> = {},
): Promise<T> {
  const source = sourceOf(command, args);
  const gpu = gpuOf(args.gpu);
  const progress = new Progress({ verbose: args.verbose });
  const options = { ...imageLimit(args["max-pixels"]), ...precisionOptions(args.precision, args["cache-dir"]) };
  let vlm: Vlm;
  try {
    const onProgress = (phase: string) => progress.say(`loading the ${phase}`);
    vlm = await loadVlm(source, { ...options, gpu, sequences, onProgress });
  } finally {
    progress.end();
  }
  try {
    return await use(vlm);
  } finally {
    await vlm.dispose();
  }
}

function sourceOf(command: string, { llm, projector, model }: VlmArgs): VlmSource | "default" {
  if ((llm === undefined) !== (projector === undefined)) {
    const mend = usageErrorMend(`vqrae ${command}`);
    const given = llm === undefined ? "--projector alone" : "--llm alone";
    throw expected("INVALID_ARGUMENT", "--llm and --projector together", `vqrae ${command}`, given, mend);
  }
  if (llm !== undefined && projector !== undefined) return { llm, projector, tokenizer: model };
  if (model === "default") return "default";
  const mend = "The language model that ships was trained with the default tokenizer.";
  throw expected("INVALID_ARGUMENT", "--llm and --projector", `--model of vqrae ${command}`, model, mend);
}
