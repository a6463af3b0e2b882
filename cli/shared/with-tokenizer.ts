import { type LoadOptions, VQRAE } from "../../sdk/index.ts";
import { Progress } from "./progress.ts";

/** Loads the model that the arguments name, hands it to `use` and ends its workers whatever happens. */
export async function withTokenizer<T>(
  { model, verbose, load }: { model: string; verbose: boolean | undefined; load: LoadOptions },
  use: (tokenizer: VQRAE, progress: Progress) => Promise<T>,
): Promise<T> {
  const progress = new Progress({ verbose });
  try {
    const tokenizer = await VQRAE.load(model, {
      ...load,
      onProgress: ({ phase }) => progress.say(`loading ${model}: ${phase}`),
    });
    try {
      return await use(tokenizer, progress);
    } finally {
      await tokenizer.dispose();
    }
  } finally {
    progress.end();
  }
}
