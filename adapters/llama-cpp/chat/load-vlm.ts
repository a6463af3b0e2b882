import * as z from "zod";
import type { LoadOptions, LoadProgress } from "../../../sdk/index.ts";
import { isPackagedCheckpoint, LinkedAbortController, option, parseOptions, setFields } from "../../../sdk/kit.ts";
import type { PullOptions } from "../../hub/index.ts";
import { type ChatTemplateKwargs, templateOptions } from "../../prompt/index.ts";
import { TAR_SYSTEM_MESSAGE } from "../../tar-tokens.ts";
import { type LanguageModelOptions, languageModelOptions, openIn } from "../language-model.ts";
import { openLlama } from "../native/open-llama.ts";
import type { ConvertProgress } from "../source/converted-llm.ts";
import { openVision } from "../source/open-vision.ts";
import { resolveVlm, type VisionSource, visionSourceOptions } from "../source/resolve-vlm.ts";
import { imagesAsTokens } from "../vision/images-as-tokens.ts";
import { attachVision } from "../vision/vision.ts";
import { promptWriter } from "./prompt-writer.ts";
import { templateWrapper } from "./template-wrapper.ts";
import { Vlm } from "./vlm.ts";

export interface LoadVlmOptions
  extends VisionSource,
    Pick<LoadOptions, "device" | "precision" | "cacheDir" | "maxPixels" | "decoding" | "maxImageTokens" | "video">,
    Omit<LanguageModelOptions, "onProgress"> {
  /** A chat template in place of the model's own, or a file that holds one: `chat_template.jinja`, or JSON. */
  readonly chatTemplate?: string;
  /** Variables of the chat template, such as `{ enable_thinking: false }` for a model that thinks first. */
  readonly chatTemplateKwargs?: ChatTemplateKwargs;
  readonly onProgress?: (phase: "tokenizer" | "llm" | "context") => void;
  /** Called as the encoder and its projector load: `onProgress` of `VQRAE.load`. */
  readonly onLoad?: (progress: LoadProgress) => void;
  /** Called with what a model of the hub will fetch, before it does. What it throws ends the work. */
  readonly onPlan?: NonNullable<PullOptions["onPlan"]>;
  /** Called as bytes of a model of the hub come. */
  readonly onDownload?: NonNullable<PullOptions["onProgress"]>;
  /** Called before a checkpoint's language model is made a GGUF file in `cacheDir`, and after each of its tensors. */
  readonly onConvert?: (progress: ConvertProgress) => void;
}

/** Checked by `VQRAE.load`. */
const ofLoad = <K extends keyof LoadOptions>() => option.custom<LoadOptions[K]>("an option of VQRAE.load", () => true);

const schema = z.strictObject({
  ...languageModelOptions,
  ...visionSourceOptions,
  device: ofLoad<"device">(),
  precision: ofLoad<"precision">(),
  cacheDir: ofLoad<"cacheDir">(),
  maxPixels: ofLoad<"maxPixels">(),
  decoding: ofLoad<"decoding">(),
  maxImageTokens: ofLoad<"maxImageTokens">(),
  video: ofLoad<"video">(),
  ...templateOptions,
  onProgress: option.callback<NonNullable<LoadVlmOptions["onProgress"]>>(),
  onLoad: option.callback<NonNullable<LoadVlmOptions["onLoad"]>>(),
  onPlan: option.callback<NonNullable<LoadVlmOptions["onPlan"]>>(),
  onDownload: option.callback<NonNullable<LoadVlmOptions["onDownload"]>>(),
  onConvert: option.callback<NonNullable<LoadVlmOptions["onConvert"]>>(),
});

/**
 * Loads a vision language model: encoder and projector in worker threads, the language model in llama.cpp.
 *
 * ```ts
 * const vlm = await loadVlm("default");
 * console.log(await vlm.ask("photo.png", "what shape is in the image?"));
 * await vlm.dispose();
 * ```
 *
 * `loadVlm("model.gguf", { mmproj: "mmproj.gguf" })` loads the two files that llama.cpp, Ollama and LM Studio have of a
 * model. `loadVlm(folder)` loads a folder that holds both, or a Hugging Face checkpoint. The language model of a checkpoint
 * without a GGUF file is converted once, by `convertLlm`, into `cacheDir`.
 *
 * `loadVlm("hf:ggml-org/SmolVLM-256M-Instruct-GGUF")` downloads a model from the Hugging Face hub if its cache does not
 * have it. `loadVlm("hf:Qwen/Qwen2.5-VL-3B-Instruct")` downloads a checkpoint and converts its language model;
 * `hf:owner/repo:Q8_0` says the type.
 *
 * `loadVlm("tar.gguf", { encoder: "ta_tok.pth" })` loads a language model that reads a tokenizer's ids as tokens of its own (Tar).
 *
 * @param source "default" for the small model that ships, a GGUF file, a folder, or "hf:owner/repo"
 * @throws INVALID_ARGUMENT, also for a model without a chat template; UNSUPPORTED for a template that cannot be rendered;
 *   INCOMPATIBLE, also for a tokenizer that is not the GGUF file's; CHECKPOINT_NOT_FOUND, INVALID_GGUF,
 *   MISSING_DEPENDENCY, and as `VQRAE.load`, `loadProjector`, `attachVision`, `pullModel`, `convertLlm`
 */
export async function loadVlm(source: string = "default", options: LoadVlmOptions = {}): Promise<Vlm> {
  const {
    onProgress,
    onLoad,
    onPlan,
    onDownload,
    onConvert,
    signal,
    device,
    precision,
    cacheDir,
    maxPixels,
    decoding,
    maxImageTokens,
    video,
    mmproj,
    encoder,
    projector,
    chatTemplate,
    chatTemplateKwargs,
    ...rest
  } = parseOptions(schema, options, "loadVlm");
  // Before the encoder is loaded, which takes longer.
  const reports = { onPlan, onDownload, onConvert };
  const files = await resolveVlm(source, { mmproj, encoder, projector }, { ...reports, cacheDir, signal });
  const release: (() => Promise<void>)[] = [];
  // It tries its own file in another process, meanwhile the encoder loads.
  const starting = openLlama(rest.gpu ?? "auto");
  starting.catch(() => {}); // whoever waits for it is told
  try {
    onProgress?.("tokenizer");
    const failed = new LinkedAbortController(signal);
    const orEnd = async <T>(part: Promise<T>): Promise<T> => {
      try {
        return await part;
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    };
    const seeing = orEnd(
      openVision(
        files,
        setFields({
          device,
          precision,
          cacheDir,
          maxPixels,
          decoding,
          maxImageTokens,
          video,
          signal: failed.signal,
          onProgress: onLoad,
        }),
      ),
    );
    // On a GPU the language model comes after the encoder: it takes what memory is left. On the CPU both load at the same time.
    const afterEncoder = async () => {
      const llama = await starting;
      if (llama.gpu !== false) await seeing;
      return llama;
    };
    const speaking = orEnd(openIn(afterEncoder, files.llm, setFields({ ...rest, onProgress, signal: failed.signal })));
    const [seen, spoken] = await Promise.allSettled([seeing, speaking]);
    failed.unlink();
    if (seen.status === "fulfilled") release.push(() => seen.value.dispose());
    // Last, since it gives the memory of both back.
    if (spoken.status === "fulfilled") release.push(async () => spoken.value[Symbol.asyncDispose]());
    if (seen.status === "rejected" || spoken.status === "rejected") throw failed.signal.reason; // of what failed first
    const [tokenizer, opened] = [seen.value, spoken.value];
    const { llama, model, context } = opened;
    const embedder = files.asTokens ? await imagesAsTokens(tokenizer, files.llm) : tokenizer;
    const vision = await attachVision(context, { tokenizer: embedder });
    const checkpoint = files.projector === null || isPackagedCheckpoint(files.projector) ? undefined : files.projector;
    const writer = await promptWriter(model, files.llm, { checkpoint, chatTemplate, chatTemplateKwargs, signal });
    const chatWrapper = await templateWrapper(writer, vision);
    const systemMessage = files.asTokens ? TAR_SYSTEM_MESSAGE : null;
    const sight = { vision, tokenizer, embedder, systemMessage };
    const { deterministic = false } = rest;
    const parts = { modelId: files.modelId, llama, model, context, ...sight, writer, chatWrapper, deterministic };
    return new Vlm(parts, release);
  } catch (error) {
    for (const dispose of release) await dispose();
    // A llama.cpp that nothing was loaded into is still to be freed; one that was is so already.
    await starting.then(
      (llama) => (llama.disposed ? undefined : llama.dispose()),
      () => {},
    );
    throw error;
  }
}
