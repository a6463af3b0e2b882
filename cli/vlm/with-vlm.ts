import type { LoadVlmOptions, Vlm } from "../../adapters/llama-cpp/index.ts";
import { setFields } from "../../sdk/kit.ts";
import { flag, option, type Values } from "../command/option.ts";
import { usageError } from "../command/usage-error.ts";
import { jsonObject, oneOf, text, wholeNumber } from "../command/value-types.ts";
import { keepCompiledCode } from "../shared/compiled-code.ts";
import { loadReport } from "../shared/load-report.ts";
import { decoding, gpu, loadOptions } from "../shared/model-options.ts";
import { withProgress } from "../shared/progress.ts";
import { convertReport, pullReport } from "../shared/pull-progress.ts";
import { say } from "../shared/terminal.ts";

/** Where a language model's vision parts are. */
export const visionOptions = {
  mmproj: option(text("file.gguf"), "The mmproj that belongs to the language model"),
  encoder: option(
    text("folder"),
    'In place of an mmproj: the vision encoder\'s checkpoint, or "default". For Tar its tokenizer, such as ta_tok.pth',
  ),
  projector: option(text("folder"), "The projector's checkpoint", { shownDefault: "--encoder" }),
};

/** What commands take that run a vision language model in this process. */
export const vlmOptions = {
  vlm: option(
    text("folder|hf:owner/repo"),
    "A model's folder, with a GGUF file or without, or its name on the Hugging Face hub",
    {
      shownDefault: "the small one that ships",
    },
  ),
  llm: option(text("file.gguf"), "In place of --vlm: the language model alone"),
  ...visionOptions,
  gpu,
  contextSize: option(wholeNumber("tokens", { least: 1 }), "Tokens that a conversation may have", {
    shownDefault: "what the model was trained for, at most 4096",
  }),
  threads: option(wholeNumber("count", { least: 1 }), "Threads of the language model", {
    shownDefault: "one for each 64 MB of it, at most the physical cores",
  }),
  chatTemplate: option(text("file"), "Write prompts by this template", { shownDefault: "the model's own" }),
  chatTemplateKwargs: option(
    jsonObject('{"enable_thinking":false}'),
    "Variables of the chat template, such as those of models that think first",
  ),
  flashAttention: option(oneOf("on", "off"), "off is exact. on is faster, and may change the likeliest token", {
    shownDefault: "llama.cpp's choice",
  }),
  deterministic: flag("Give the same answer to the same call whatever is asked before and beside it. It takes longer"),
  maxImageTokens: option(wholeNumber("count", { least: 1 }), "Shrink images to this many tokens (Qwen-VL, Pixtral)", {
    shownDefault: "what the model's processor says",
  }),
  ...loadOptions,
  decoding,
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
  const { gpu, contextSize, threads, chatTemplate, chatTemplateKwargs, deterministic, maxImageTokens } = args;
  const { precision, cacheDir, maxPixels, decoding } = args;
  const flashAttention = args.flashAttention === undefined ? undefined : args.flashAttention === "on";
  const { source, ...vision } = partsOf(command, args);
  // Loaded here, so that a command's help does without it.
  keepCompiledCode();
  const { loadVlm } = await import("../../adapters/llama-cpp/index.ts");
  const vlm = await withProgress(args, (progress) => {
    const { onPlan, onProgress: onDownload } = pullReport(progress, { converts: true });
    return loadVlm(source, {
      ...setFields(vision),
      ...setFields({
        contextSize,
        threads,
        chatTemplate,
        chatTemplateKwargs,
        flashAttention,
        deterministic,
        maxImageTokens,
        precision,
        cacheDir,
        maxPixels,
        decoding,
      }),
      gpu,
      sequences,
      onPlan,
      onDownload,
      ...convertReport(progress),
      onProgress: (phase) => progress.say(`loading the ${phase}`),
      onLoad: loadReport(progress, source),
    });
  });
  try {
    // Who names no model may take the small one for more than it is.
    if (source === "default") say(shippedNote(vlm));
    return await use(vlm);
  } finally {
    await vlm.dispose();
  }
}

function shippedNote({ modelId, description, licence }: Vlm): string {
  return `${modelId} answers: ${description ?? "a small model"} (licence: ${licence ?? "none stated"}; --vlm takes another model)`;
}

/** What `loadVlm` takes. */
function partsOf(command: string, { vlm, llm, mmproj, encoder, projector }: VlmArgs) {
  if (llm !== undefined && vlm !== undefined) throw usageError(command, "--llm or --vlm", "both");
  const [given] = Object.keys(setFields({ mmproj, encoder, projector }));
  if (llm === undefined && vlm === undefined && given !== undefined) {
    throw usageError(command, `--llm beside --${given}`, `--${given} alone`);
  }
  return { source: llm ?? vlm ?? "default", mmproj, encoder, projector };
}
