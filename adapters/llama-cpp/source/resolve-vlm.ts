import { mkdir, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { loadProjector } from "../../../sdk/index.ts";
import {
  expected,
  expectedBut,
  isFile,
  isPackagedCheckpoint,
  isWeightsPath,
  onDisk,
  option,
  packageFile,
  readJsonObject,
  requireRoom,
  setFields,
} from "../../../sdk/kit.ts";
import { hubCacheFolder, isModelName, type PullOptions, type PullPlan, pullModel } from "../../hub/index.ts";
import { readsImageTokens } from "../../tar-tokens.ts";
import { type ConvertedLlmOptions, convertedFolder, convertedLlm, isConvertible } from "./converted-llm.ts";
import { readLlmHeader, readMmprojHeader, requireFolderPair, requirePair } from "./gguf-pair.ts";
import { findLlm, findMmproj } from "./model-folder.ts";

/** A model's vision parts: its mmproj file, or the checkpoint folders of encoder and projector. */
export interface VisionSource {
  /** The mmproj GGUF file that belongs to the language model. It has encoder, projector and preprocessing. */
  readonly mmproj?: string | undefined;
  /**
   * A vision encoder's checkpoint folder, a VLM's own checkpoint folder, or one that ships: "default" or "deit-tiny". For a language
   * model that reads ids as tokens (Tar): its tokenizer, a folder or a file of weights.
   */
  readonly encoder?: string | undefined;
  /** The checkpoint folder of the projector that was trained with the language model (default: the encoder's). */
  readonly projector?: string | undefined;
}

const path = option.text("a path");
export const visionSourceOptions = { mmproj: path, encoder: path, projector: path } as const;

/** What `VQRAE.load` and `loadProjector` take. */
export interface VisionFiles {
  readonly tokenizer: string;
  /** null for an mmproj, which has its projector inside, and for ids that are read as tokens. */
  readonly projector: string | null;
  /** Whether the language model reads the tokenizer's ids as tokens of its own (`imagesAsTokens`). */
  readonly asTokens?: true;
}

/** The parts of a vision language model, found and checked. */
export interface VlmFiles extends VisionFiles {
  readonly modelId: string;
  /** The language model's GGUF file; the first one of a model in several parts. */
  readonly llm: string;
}

/** `model_type` of what the trainer writes. */
const PROJECTOR_TYPE = "vqrae_projector";
const SHIPPED = { name: "vqrae-tiny-vlm", encoder: "deit-tiny" };
const NOT_IN_NAME = /(-00001-of-\d{5})?\.gguf$/i;

/** How a model of the hub comes, and how a checkpoint's language model becomes a GGUF file. */
export interface ResolveVlmOptions extends Pick<ConvertedLlmOptions, "cacheDir" | "onConvert" | "signal"> {
  readonly onPlan?: PullOptions["onPlan"] | undefined;
  readonly onDownload?: PullOptions["onProgress"] | undefined;
}

/**
 * Turns what you have into the parts of a vision language model. It reads the headers of GGUF files, and refuses two
 * that do not belong together before anything is loaded.
 * @param source "default" for the small model that ships, a GGUF file, a folder that holds one or a Hugging Face
 *   checkpoint, or "hf:owner/repo" for a model of the hub, which is downloaded if the cache does not have it. Beside the
 *   file lies an mmproj, or the checkpoint of encoder and projector. A checkpoint without a GGUF file has its language
 *   model converted into the cache
 * @param vision parts that lie elsewhere; they go before those in the folder
 * @throws INVALID_ARGUMENT for a part that is missing, or is something else than its name says; INCOMPATIBLE for a model
 *   and an mmproj of different widths or families; CHECKPOINT_NOT_FOUND; INVALID_GGUF for a damaged file; as `pullModel`
 *   and `convertLlm`
 */
export async function resolveVlm(
  source: string,
  vision: VisionSource = {},
  options: ResolveVlmOptions = {},
): Promise<VlmFiles> {
  if (typeof source !== "string" || source === "") {
    throw expected(
      "INVALID_ARGUMENT",
      'a GGUF file, a folder, "hf:owner/repo" or "default"',
      "the source of loadVlm",
      source,
    );
  }
  if (isModelName(source)) {
    requireNoParts(vision, source, "It has its own. Pull it, and name its files, to use others.");
    return pulledVlm(source, options);
  }
  if (source === "default") {
    requireNoParts(vision, source, "Name the language model that they belong to.");
    const { name, encoder } = SHIPPED;
    const folder = packageFile(`models/${name}`);
    return { modelId: name, llm: join(folder, "llm.gguf"), tokenizer: encoder, projector: folder };
  }
  const path = resolve(source);
  const entry = await stat(path).catch(() => null);
  if (entry === null) {
    throw expectedBut("CHECKPOINT_NOT_FOUND", "a GGUF file or a folder", path, "nothing there", { path });
  }
  if (!entry.isDirectory()) return withVision(path, dirname(path), vision);
  const found = await findLlm(path);
  return found === null ? convertedVlm(path, vision, options) : withVision(found, path, vision);
}

/** @throws as `pullModel` and `convertLlm`; IO_ERROR for a disk without room for both, before anything is fetched */
async function pulledVlm(name: string, options: ResolveVlmOptions): Promise<VlmFiles> {
  const { onPlan, onDownload, cacheDir, signal } = options;
  const pulled = await pullModel(name, {
    ...setFields({ onProgress: onDownload, signal }),
    async onPlan(plan) {
      await onPlan?.(plan);
      await requireRoomToConvert(plan, cacheDir);
    },
  });
  if ("llm" in pulled) return resolveVlm(pulled.llm, { mmproj: pulled.mmproj });
  return convertedVlm(pulled.folder, {}, { ...options, ...setFields({ name: pulled.name, dtype: pulled.dtype }) });
}

/** A checkpoint's folder without a GGUF file. Whether it sees is found out before its language model is converted. */
async function convertedVlm(
  folder: string,
  vision: VisionSource,
  options: ResolveVlmOptions & ConvertedLlmOptions,
): Promise<VlmFiles> {
  if (!(await isConvertible(folder))) {
    const mend = "Put the language model's GGUF file into it, or config.json and safetensors of its checkpoint.";
    throw expectedBut("CHECKPOINT_NOT_FOUND", "a GGUF language model", folder, "a folder without one", {
      path: folder,
      mend,
    });
  }
  if (vision.encoder === undefined || !isWeightsPath(vision.encoder)) {
    const { projector } = await visionOf(folder, folder, vision);
    if (projector === folder) await loadProjector(folder);
  }
  const files = await withVision(await convertedLlm(folder, options), folder, vision);
  return { ...files, modelId: options.name ?? basename(folder) };
}

/** The vision parts of a language model: those that are given, or those in its folder, which fit it. */
async function withVision(llm: string, folder: string, vision: VisionSource): Promise<VlmFiles> {
  const header = await readLlmHeader(llm);
  const modelId = basename(llm) === "llm.gguf" ? basename(folder) : basename(llm).replace(NOT_IN_NAME, "");
  const { mmproj, encoder, projector } = vision;
  if (mmproj === undefined && projector === undefined && readsImageTokens(header)) {
    return { modelId, llm, tokenizer: encoder ?? (await tokenizerIn(folder, llm)), projector: null, asTokens: true };
  }
  const { type, ...files } = await visionOf(folder, llm, vision);
  if (files.projector === null) requirePair(header, await readMmprojHeader(files.tokenizer));
  // A projector that you trained yourself fits whatever model it was trained with.
  else if (type !== undefined && type !== PROJECTOR_TYPE) requireFolderPair(header, files.projector, type);
  return { modelId, llm, ...files };
}

/** @throws INVALID_ARGUMENT for vision parts beside a model that has all of its own */
function requireNoParts(vision: VisionSource, source: string, mend: string): void {
  if (Object.values(vision).every((part) => part === undefined)) return;
  throw expectedBut("INVALID_ARGUMENT", "no parts of another model", `loadVlm("${source}")`, "some", mend);
}

/**
 * The same for the vision alone; null where no part is named.
 * @throws INVALID_ARGUMENT, CHECKPOINT_NOT_FOUND, INVALID_GGUF
 */
export async function resolveVision({ mmproj, encoder, projector }: VisionSource): Promise<VisionFiles | null> {
  if (mmproj !== undefined) {
    if (encoder !== undefined || projector !== undefined) {
      const received = "an encoder or a projector beside it";
      throw expectedBut("INVALID_ARGUMENT", "an mmproj alone, which has both", "the vision parts", received);
    }
    const { file } = await readMmprojHeader(mmproj);
    return { tokenizer: file, projector: null };
  }
  if (encoder !== undefined) {
    await requireFolder(encoder, "encoder");
    if (projector !== undefined) await requireFolder(projector, "projector");
    return { tokenizer: encoder, projector: projector ?? encoder };
  }
  if (projector === undefined) return null;
  const mend = 'It is the folder of a vision checkpoint, or "deit-tiny" for the one that ships.';
  throw expectedBut("INVALID_ARGUMENT", "the encoder that it was trained with", "the projector", "none", mend);
}

/** Vision parts, and what the projector's folder says that it is: undefined for an mmproj and what ships. */
interface FoundVision extends VisionFiles {
  readonly type: unknown;
}

async function visionOf(folder: string, llm: string, vision: VisionSource): Promise<FoundVision> {
  const own = await modelTypeOf(folder);
  const isProjector = own === PROJECTOR_TYPE;
  const given = setFields(vision);
  const files = await resolveVision(isProjector && given.encoder ? { projector: folder, ...given } : given);
  if (files !== null) {
    const { projector } = files;
    return {
      ...files,
      type: projector === null ? undefined : projector === folder ? own : await modelTypeOf(projector),
    };
  }
  const mmproj = await findMmproj(folder);
  if (mmproj !== null) return { tokenizer: mmproj, projector: null, type: undefined };
  if (isProjector) {
    const mend = 'Name its folder as encoder, or "deit-tiny" for the one that ships.';
    const received = "a projector alone";
    throw expectedBut("INVALID_ARGUMENT", "the encoder that it was trained with", folder, received, {
      path: folder,
      mend,
    });
  }
  if (await isFile(join(folder, "config.json"))) return { tokenizer: folder, projector: folder, type: own };
  const received = "a language model of text alone, with no mmproj and no checkpoint beside it";
  const mend = "Name the mmproj that belongs to it, or the folder of its vision checkpoint as encoder.";
  throw expectedBut("INVALID_ARGUMENT", "a vision language model", llm, received, { path: llm, mend });
}

/** `model_type` of a folder's config.json; undefined for none. @throws INVALID_CONFIG for a damaged one */
async function modelTypeOf(folder: string): Promise<unknown> {
  const file = join(folder, "config.json");
  return (await isFile(file)) ? (await readJsonObject(file, "INVALID_CONFIG")).model_type : undefined;
}

/**
 * Before a checkpoint is fetched: room for its files, and for its language model as GGUF, which may lie on another disk.
 * @throws IO_ERROR
 */
async function requireRoomToConvert(plan: PullPlan, cacheDir: string | false | undefined): Promise<void> {
  // What is here already tells `convertLlm` exactly.
  if (plan.convertedBytes === 0 || plan.missingBytes === 0) return;
  const folder = convertedFolder(cacheDir);
  await onDisk(folder, () => mkdir(folder, { recursive: true }));
  const [own, hub] = await onDisk(folder, () => Promise.all([stat(folder), stat(hubCacheFolder())]));
  const bytes = plan.convertedBytes + (own.dev === hub.dev ? plan.missingBytes : 0);
  await requireRoom(folder, bytes, "set cacheDir (--cache-dir) and HF_HUB_CACHE to folders on another disk");
}

/** The tokenizer beside a language model that reads its ids as tokens. @throws INVALID_ARGUMENT for none */
async function tokenizerIn(folder: string, llm: string): Promise<string> {
  if ((await readdir(folder)).some(isWeightsPath)) return folder;
  const mend = "Name it as encoder (--encoder): for Tar it is ta_tok.pth, or a folder with it.";
  throw expectedBut("INVALID_ARGUMENT", "the tokenizer whose ids the language model reads", llm, "none beside it", {
    path: llm,
    mend,
  });
}

async function requireFolder(path: string, name: string): Promise<void> {
  if (isPackagedCheckpoint(path)) return;
  const entry = await stat(path).catch(() => null);
  if (entry?.isDirectory()) return;
  const received = entry === null ? `${path}, where nothing is` : `the file ${path}`;
  const mend = entry === null ? undefined : "Give a GGUF file as mmproj.";
  throw expectedBut("INVALID_ARGUMENT", "a checkpoint folder", `the ${name}`, received, { path, mend });
}
