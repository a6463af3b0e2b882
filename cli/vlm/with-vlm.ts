import { type LoadVlmOptions, loadVlm, type Vlm } from "../../adapters/llama-cpp/index.ts";
import { setFields } from "../../sdk/kit.ts";
import { option, type Values } from "../command/option.ts";
import { usageError } from "../command/usage-error.ts";
import { text, wholeNumber } from "../command/value-types.ts";
import { gpu, loadOptions } from "../shared/model-options.ts";
import { withProgress } from "../shared/progress.ts";

/** Where a language model's vision parts are. */
export const visionOptions = {
  mmproj: option(text("file.gguf"), "The mmproj that belongs to the language model"),
  encoder: option(text("folder"), 'In place of an mmproj: the vision encoder\'s checkpoint, or "default"'),
  projector: option(text("folder"), "The projector's checkpoint", { shownDefault: "--encoder" }),
};

/** What commands take that run a vision language model in this process. */
export const vlmOptions = {
  llm: option(text("file.gguf|folder"), "The language model, or a folder with it and its vision parts", {
    shownDefault: "the small one that ships",
  }),
  ...visionOptions,
  gpu,
  contextSize: option(wholeNumber("tokens", { least: 1 }), "Tokens that a conversation may have", {
    shownDefault: "what the model was trained for, at most 4096",
  }),
  threads: option(wholeNumber("count", { least: 1 }), "Threads of the language model", {
    shownDefault: "the physical cores",
  }),
  ...loadOptions,
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
  const { llm, mmproj, encoder, projector, gpu, contextSize, threads, precision, cacheDir, maxPixels } = args;
  const vision = setFields({ mmproj, encoder, projector });
  const [given] = Object.keys(vision);
  if (llm === undefined && given !== undefined)
    throw usageError(command, `--llm beside --${given}`, `--${given} alone`);
  const vlm = await withProgress(args, (progress) =>
    loadVlm(llm ?? "default", {
      ...vision,
      ...setFields({ contextSize, threads, precision, cacheDir, maxPixels }),
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
