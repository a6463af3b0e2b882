import { type LoadVlmOptions, loadVlm, type Vlm, type VlmSource } from "../../adapters/llama-cpp/index.ts";
import { expected, setFields } from "../../sdk/kit.ts";
import { option, type Values } from "../command/option.ts";
import { requireTogether } from "../command/usage-error.ts";
import { text } from "../command/value-types.ts";
import { gpu, tokenizerOptions } from "../shared/model-options.ts";
import { withProgress } from "../shared/progress.ts";

/** What commands take that run a vision language model in this process. */
export const vlmOptions = {
  llm: option(text("file.gguf"), "The language model", { shownDefault: "the small one that ships" }),
  projector: option(text("folder"), "The projector trained with --llm: its own folder, or the VLM's checkpoint"),
  gpu,
  ...tokenizerOptions,
};

export type VlmArgs = Values<typeof vlmOptions>;

/**
 * Loads the model that the options name, hands it to `use`, and frees it when `use` ends or fails.
 * @param command such as "vqrae ask", for error messages
 */
export async function withVlm<T>(
  command: string,
  args: VlmArgs,
  use: (vlm: Vlm) => Promise<T>,
  { sequences = 1 }: Pick<LoadVlmOptions, "sequences"> = {},
): Promise<T> {
  const source = sourceOf(command, args);
  const { precision, cacheDir, maxPixels, gpu } = args;
  const vlm = await withProgress(args, (progress) =>
    loadVlm(source, {
      ...setFields({ precision, cacheDir, maxPixels }),
      gpu,
      sequences,
      onProgress: (phase) => progress.say(`loading the ${phase}`),
    }),
  );
  try {
    return await use(vlm);
  } finally {
    await vlm.dispose();
  }
}

function sourceOf(command: string, { llm, projector, model }: VlmArgs): VlmSource | "default" {
  requireTogether(command, { "--llm": llm !== undefined, "--projector": projector !== undefined });
  if (llm !== undefined && projector !== undefined) return { llm, projector, tokenizer: model };
  if (model === "default") return "default";
  const mend = "The language model that ships was trained with the default tokenizer.";
  throw expected("INVALID_ARGUMENT", "--llm and --projector", `--model of ${command}`, model, mend);
}
