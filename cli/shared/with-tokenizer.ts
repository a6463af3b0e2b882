import type { VQRAE } from "../../sdk/index.ts";
import { setFields } from "../../sdk/kit.ts";
import { loadReport } from "./load-report.ts";
import type { TokenizerArgs } from "./model-options.ts";
import { type Progress, withProgress } from "./progress.ts";

/** Loads the tokenizer that the options name, hands it to `use`, and frees it when `use` ends or fails. */
export async function withTokenizer<T>(
  {
    model,
    precision,
    cacheDir,
    maxPixels,
    decoding,
    verbose = false,
  }: Pick<TokenizerArgs, "model"> & Partial<TokenizerArgs>,
  use: (tokenizer: VQRAE, progress: Progress) => Promise<T>,
): Promise<T> {
  // Loaded here, so that a command's help does without the tokenizer's code.
  const { VQRAE } = await import("../../sdk/index.ts");
  return withProgress({ verbose }, async (progress) => {
    const tokenizer = await VQRAE.load(model, {
      ...setFields({ precision, cacheDir, maxPixels, decoding }),
      onProgress: loadReport(progress, model),
    });
    try {
      return await use(tokenizer, progress);
    } finally {
      await tokenizer.dispose();
    }
  });
}
