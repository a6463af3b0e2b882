import { basename, join } from "node:path";
import { z } from "zod";
import { type LoadOptions, loadProjector, VQRAE } from "../../../sdk/index.ts";
import { option, packageFile, parseOptions, setFields } from "../../../sdk/kit.ts";
import {
  type LanguageModelOptions,
  languageModelFile,
  languageModelOptions,
  openLanguageModel,
} from "../language-model.ts";
import { loadNodeLlamaCpp } from "../native/node-llama-cpp.ts";
import { attachVision } from "../vision/vision.ts";
import { Vlm } from "./vlm.ts";

/** The parts of a vision language model. */
export interface VlmSource {
  /** The language model's GGUF file. */
  readonly llm: string;
  /** The folder of the projector that was trained with it: a `vqrae_projector` folder or a VLM's checkpoint. */
  readonly projector: string;
  /** The vision encoder's checkpoint folder, or "default". */
  readonly tokenizer: string | "default";
}

export interface LoadVlmOptions
  extends Pick<LoadOptions, "device" | "precision" | "cacheDir" | "maxPixels">,
    Omit<LanguageModelOptions, "onProgress"> {
  readonly onProgress?: (phase: "tokenizer" | "llm" | "context") => void;
}

/** Checked by `VQRAE.load`. */
const ofLoad = <K extends keyof LoadOptions>() => option.custom<LoadOptions[K]>("an option of VQRAE.load", () => true);

const schema = z.strictObject({
  ...languageModelOptions,
  device: ofLoad<"device">(),
  precision: ofLoad<"precision">(),
  cacheDir: ofLoad<"cacheDir">(),
  maxPixels: ofLoad<"maxPixels">(),
  onProgress: option.callback<NonNullable<LoadVlmOptions["onProgress"]>>(),
});

const SHIPPED = "vqrae-tiny-vlm";

/** The small model that ships: its projector and its language model, behind the default tokenizer. */
function shippedVlm(): VlmSource {
  const folder = packageFile(`models/${SHIPPED}`);
  return { llm: join(folder, "llm.gguf"), projector: folder, tokenizer: "default" };
}

/**
 * Loads a vision language model: encoder and projector in worker threads, the language model in llama.cpp.
 *
 * ```ts
 * const vlm = await loadVlm("default");
 * console.log(await vlm.ask("photo.png", "what shape is in the image?"));
 * await vlm.dispose();
 * ```
 *
 * @throws INVALID_ARGUMENT, CHECKPOINT_NOT_FOUND, INVALID_GGUF, MISSING_DEPENDENCY, and as `VQRAE.load`,
 *   `loadProjector`, `attachVision`
 */
export async function loadVlm(source: VlmSource | "default" = "default", options: LoadVlmOptions = {}): Promise<Vlm> {
  const { onProgress, signal, device, precision, cacheDir, maxPixels, ...rest } = parseOptions(
    schema,
    options,
    "loadVlm",
  );
  const parts = source === "default" ? shippedVlm() : source;
  // Before the encoder is loaded, which takes longer.
  const llm = await languageModelFile(parts?.llm);
  const { resolveChatWrapper } = await loadNodeLlamaCpp();
  const release: (() => Promise<void>)[] = [];
  try {
    onProgress?.("tokenizer");
    const projector = await loadProjector(parts.projector);
    const load = setFields({ device, precision, cacheDir, maxPixels, signal, projector });
    const tokenizer = await VQRAE.load(parts.tokenizer, load);
    release.unshift(() => tokenizer.dispose());
    const opened = await openLanguageModel(llm, setFields({ ...rest, onProgress, signal }));
    release.unshift(async () => opened[Symbol.asyncDispose]());
    const { llama, model, context } = opened;
    const vision = await attachVision(context, { tokenizer });
    const modelId = source === "default" ? SHIPPED : basename(llm, ".gguf");
    const chatWrapper = resolveChatWrapper(model);
    return new Vlm({ modelId, llama, model, context, vision, tokenizer, chatWrapper }, release);
  } catch (error) {
    for (const dispose of release) await dispose();
    throw error;
  }
}
